import { ActionIcon, Popover } from "@mantine/core";
import { IconKeyboard } from "@tabler/icons-react";
import classes from "./editor.module.css";

const KEYS: [string, string][] = [
  ["Tab, Shift Tab", "From step to step, and to their routes"],
  ["Arrow keys", "To the step that stands there"],
  ["Enter", "Open the form of a step or a route"],
  ["Space", "Select, or with Shift select one more"],
  ["Escape", "Back from the form to the step; select nothing"],
  ["Delete", "Delete steps, or reset a route"],
  ["Ctrl C, Ctrl X, Ctrl V", "Copy, cut and paste steps, also into another workflow"],
  ["Ctrl D", "Duplicate"],
  ["Ctrl A", "Select all steps"],
  ["Ctrl Z, Ctrl Shift Z", "Undo and redo"],
  ["Ctrl S", "Save"],
  ["Ctrl Space", "Offer variables in a text"],
];

export function ShortcutHelp() {
  return (
    <Popover position="bottom-start" withinPortal trapFocus={false}>
      <Popover.Target>
        <ActionIcon variant="default" size="md" aria-label="Keyboard shortcuts">
          <IconKeyboard size={16} stroke={1.75} aria-hidden />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown aria-label="Keyboard shortcuts">
        <dl className={classes.keys}>
          {KEYS.map(([keys, does]) => (
            <div key={keys}>
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
      </Popover.Dropdown>
    </Popover>
  );
}
