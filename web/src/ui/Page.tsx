import type { ReactNode } from "react";
import { useEffect } from "react";
import classes from "./Page.module.css";

interface PageProps {
  title: string;
  /** Where this page hangs: a link back. */
  back?: ReactNode;
  /** Beside the title: a count, a state. */
  aside?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** The content fills the window and scrolls inside. */
  fill?: boolean;
}

export function Page({ title, back, aside, actions, children, fill }: PageProps) {
  useEffect(() => {
    document.title = `${title} – Postern`;
  }, [title]);
  return (
    <div className={classes.page} data-fill={fill || undefined}>
      <header className={classes.header}>
        <div className={classes.heading}>
          {back && <div className={classes.back}>{back}</div>}
          <div className={classes.titleLine}>
            <h1 className={classes.title}>{title}</h1>
            {aside}
          </div>
        </div>
        {actions && <div className={classes.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A framed part of a page. */
export function Panel({
  title,
  aside,
  children,
  flush,
}: {
  title?: string;
  aside?: ReactNode;
  children: ReactNode;
  flush?: boolean;
}) {
  return (
    <section className={classes.panel} aria-label={title}>
      {title && (
        <div className={classes.panelHead}>
          <h2 className={classes.panelTitle}>{title}</h2>
          {aside}
        </div>
      )}
      <div className={flush ? undefined : classes.panelBody}>{children}</div>
    </section>
  );
}

/** Facts as pairs of name and value. */
export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
