import { IconAlertTriangle, IconCheck, type TablerIcon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./Notice.module.css";

interface NoticeProps {
  tone: "good" | "warn";
  title: string;
  icon?: TablerIcon;
  /** `alert` interrupts somebody who hears the page. */
  role: "alert" | "status";
  children?: ReactNode;
}

/** Something to know about what is on the page. */
export function Notice({ tone, title, icon, role, children }: NoticeProps) {
  const Icon = icon ?? (tone === "good" ? IconCheck : IconAlertTriangle);
  return (
    <div className={`${classes.notice} ${classes[tone]}`} role={role}>
      <Icon size={18} stroke={1.75} aria-hidden className={classes.icon} />
      <div className={classes.body}>
        <strong>{title}</strong>
        <div>{children}</div>
      </div>
    </div>
  );
}
