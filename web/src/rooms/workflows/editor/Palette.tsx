import { Tooltip } from "@mantine/core";
import { STEP_TYPE, type StepType } from "../words";
import classes from "./editor.module.css";
import { TYPES } from "./templates";

/** What a drag from the palette carries. */
export const DRAGGED = "application/x-postern-step";

export const asStepType = (text: string): StepType | undefined => TYPES.find((type) => type === text);

interface PaletteProps {
  onAdd: (type: StepType) => void;
  /** Browsers do not say what is being dragged until it is dropped. */
  onDrag: (type: StepType | undefined) => void;
  reason: string | undefined;
}

/** Every type of step: to be dragged onto the graph, or put behind what is selected. */
export function Palette({ onAdd, onDrag, reason }: PaletteProps) {
  return (
    <div className={classes.palette} role="group" aria-label="Steps to add">
      {TYPES.map((type) => {
        const { label, icon: Icon } = STEP_TYPE[type];
        return (
          <Tooltip
            key={type}
            label={reason ?? `Drag it onto the graph, or press to add: ${label}`}
            position="right"
          >
            <button
              type="button"
              className={classes.tile}
              draggable={reason === undefined}
              aria-label={`Add ${label}`}
              aria-disabled={reason !== undefined || undefined}
              onClick={() => reason === undefined && onAdd(type)}
              onDragStart={(event) => {
                event.dataTransfer.setData(DRAGGED, type);
                event.dataTransfer.effectAllowed = "copy";
                onDrag(type);
              }}
              onDragEnd={() => onDrag(undefined)}
            >
              <Icon size={17} stroke={1.5} aria-hidden />
              <span>{label}</span>
            </button>
          </Tooltip>
        );
      })}
    </div>
  );
}
