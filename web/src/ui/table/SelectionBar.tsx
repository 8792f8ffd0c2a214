import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { count as counted } from "../format";
import classes from "./SelectionBar.module.css";

interface SelectionBarProps {
  count: number;
  noun: string;
  onClear: () => void;
  children: ReactNode;
}

/** What can be done with the selected rows; only there while some are. */
export function SelectionBar({ count, noun, onClear, children }: SelectionBarProps) {
  if (count === 0) {
    return null;
  }
  return (
    <div className={classes.bar} role="toolbar" aria-label="Selected rows">
      <strong>{counted(count, noun)} selected</strong>
      {children}
      <Button variant="subtle" onClick={onClear}>
        Clear selection
      </Button>
    </div>
  );
}
