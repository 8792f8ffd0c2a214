import { ActionIcon, Button, Checkbox, Popover } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconColumns3 } from "@tabler/icons-react";
import type { Column } from "./DataTable";
import { defaultLayout, type Layout, moveColumn, showColumn } from "./layout";
import classes from "./Toolbar.module.css";

interface ManageColumnsProps<Row> {
  columns: Column<Row>[];
  layout: Layout;
  onChange: (layout: Layout | undefined) => void;
}

export function ManageColumns<Row>({ columns, layout, onChange }: ManageColumnsProps<Row>) {
  const changed = JSON.stringify(layout) !== JSON.stringify(defaultLayout(columns));
  return (
    <Popover position="bottom-end" width={280} trapFocus returnFocus>
      <Popover.Target>
        <Button variant="default" leftSection={<IconColumns3 size={15} stroke={1.75} aria-hidden />}>
          Columns
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <ul className={classes.columns} aria-label="Columns">
          {layout.order.map((id, index) => {
            const column = columns.find((candidate) => candidate.id === id);
            if (!column) {
              return null;
            }
            return (
              <li key={id}>
                <Checkbox
                  size="xs"
                  label={column.label}
                  disabled={column.fixed}
                  checked={!layout.hidden.includes(id)}
                  onChange={(event) => onChange(showColumn(layout, id, event.currentTarget.checked))}
                />
                <span className={classes.moves}>
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    size="xs"
                    aria-label={`Move ${column.label} up`}
                    disabled={index === 0}
                    onClick={() => onChange(moveColumn(layout, id, -1))}
                  >
                    <IconArrowUp size={13} aria-hidden />
                  </ActionIcon>
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    size="xs"
                    aria-label={`Move ${column.label} down`}
                    disabled={index === layout.order.length - 1}
                    onClick={() => onChange(moveColumn(layout, id, 1))}
                  >
                    <IconArrowDown size={13} aria-hidden />
                  </ActionIcon>
                </span>
              </li>
            );
          })}
        </ul>
        <Button variant="subtle" fullWidth disabled={!changed} onClick={() => onChange(undefined)}>
          Back to the standard columns
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}
