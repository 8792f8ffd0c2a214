import classes from "./Logo.module.css";

export function Logo({ large }: { large?: boolean }) {
  return (
    <span className={classes.logo} data-large={large || undefined}>
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <title>Postern</title>
        <path className={classes.door} d="M5 29V14a11 11 0 0 1 22 0v15h-4.5V14a6.5 6.5 0 0 0-13 0v15Z" />
        <circle className={classes.light} cx="16" cy="18.5" r="2.6" />
      </svg>
      Postern
    </span>
  );
}
