import type { Tone } from "./Pill";
import classes from "./StackedBar.module.css";

export interface Part {
  label: string;
  count: number;
  tone: Tone;
}

/** Parts of a whole, in their order; the numbers stand below it, so colour says nothing alone. */
export function StackedBar({ label, parts, large }: { label: string; parts: Part[]; large?: boolean }) {
  const total = parts.reduce((sum, part) => sum + part.count, 0);
  const there = parts.filter((part) => part.count > 0);
  const words = there.map((part) => `${part.count} ${part.label.toLowerCase()}`).join(", ") || "nothing";
  return (
    <div className={classes.whole}>
      <div
        className={classes.bar}
        data-large={large || undefined}
        role="img"
        aria-label={`${label}: ${words}`}
      >
        {there.map((part) => (
          <span
            key={part.label}
            className={classes[part.tone]}
            style={{ width: `${(part.count / total) * 100}%` }}
            title={`${part.count} ${part.label.toLowerCase()}`}
          />
        ))}
      </div>
      {large && (
        <ul className={classes.legend}>
          {there.map((part) => (
            <li key={part.label}>
              <span className={`${classes.dot} ${classes[part.tone]}`} aria-hidden />
              {part.count} {part.label.toLowerCase()}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
