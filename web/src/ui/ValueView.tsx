import { plainText } from "./plainText";
import classes from "./ValueView.module.css";

/** A value of JSON as text, and nothing but text: fields by name, lists by place, long texts as they are. */
export function ValueView({ value }: { value: unknown }) {
  if (Array.isArray(value)) {
    return value.length === 0 ? (
      <span className="dim">(none)</span>
    ) : (
      <ol className={classes.list}>
        {value.map((entry: unknown, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: entries are told apart by their place
          <li key={index}>
            <ValueView value={entry} />
          </li>
        ))}
      </ol>
    );
  }
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value);
    return fields.length === 0 ? (
      <span className="dim">(none)</span>
    ) : (
      <dl className={classes.fields}>
        {fields.map(([name, entry]) => (
          <div key={name}>
            <dt>{plainText(name)}</dt>
            <dd>
              <ValueView value={entry} />
            </dd>
          </div>
        ))}
      </dl>
    );
  }
  if (value === "") {
    return <span className="dim">(empty)</span>;
  }
  const text = plainText(typeof value === "string" ? value : JSON.stringify(value));
  return text.includes("\n") ? (
    <pre className={classes.text}>{text}</pre>
  ) : (
    <code className={classes.word}>{text}</code>
  );
}
