import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useId } from "react";
import classes from "./CopyField.module.css";

/** Text to take elsewhere: shown whole, selected by a click, copied by a button. */
export function CopyField({ label, hint, value }: { label: string; hint?: string; value: string }) {
  const id = useId();
  return (
    <div className={classes.field}>
      <div className={classes.label} id={id}>
        {label}
        {hint && <span className={classes.hint}>{hint}</span>}
      </div>
      <div className={classes.box}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long text scrolls, by keyboard too */}
        <pre className={classes.value} aria-labelledby={id} tabIndex={0} role="group">
          {value}
        </pre>
        <CopyButton value={value} timeout={2000}>
          {({ copied, copy }) => (
            <Tooltip label={copied ? "Copied" : `Copy ${label}`}>
              <ActionIcon
                className={classes.button}
                variant="default"
                aria-label={copied ? `${label} copied` : `Copy ${label}`}
                onClick={copy}
              >
                {copied ? (
                  <IconCheck size={16} aria-hidden />
                ) : (
                  <IconCopy size={16} stroke={1.75} aria-hidden />
                )}
              </ActionIcon>
            </Tooltip>
          )}
        </CopyButton>
      </div>
    </div>
  );
}
