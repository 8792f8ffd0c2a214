import {
  IconAlertTriangle,
  IconCheck,
  IconCircle,
  IconHelp,
  IconLoader2,
  IconX,
  type TablerIcon,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./Pill.module.css";

/** What a state means for the person who looks at it; colour, shape and word all say it. */
export type Tone = "good" | "busy" | "wait" | "warn" | "bad" | "odd";

const ICONS: Record<Tone, TablerIcon> = {
  good: IconCheck,
  busy: IconLoader2,
  wait: IconCircle,
  warn: IconAlertTriangle,
  bad: IconX,
  odd: IconHelp,
};

interface PillProps {
  tone: Tone;
  children: ReactNode;
  icon?: TablerIcon;
  spin?: boolean;
  large?: boolean;
  title?: string;
}

export function Pill({ tone, children, icon, spin, large, title }: PillProps) {
  const Icon = icon ?? ICONS[tone];
  return (
    <span className={`${classes.pill} ${classes[tone]} ${large ? classes.large : ""}`} title={title}>
      <Icon size={large ? 15 : 12} stroke={2.25} aria-hidden className={spin ? classes.spin : undefined} />
      {children}
    </span>
  );
}
