import { ActionIcon, Menu } from "@mantine/core";
import { IconDots, type TablerIcon } from "@tabler/icons-react";
import classes from "./ActionMenu.module.css";

export interface Action {
  label: string;
  icon?: TablerIcon;
  danger?: boolean;
  /** Why it cannot be done now. */
  reason?: string | undefined;
  onSelect: () => void;
}

/** The actions of one row. What cannot be done says why below its name. */
export function ActionMenu({
  label,
  actions,
  large,
}: {
  label: string;
  actions: (Action | "divider")[];
  large?: boolean;
}) {
  return (
    <Menu width={240}>
      <Menu.Target>
        <ActionIcon
          variant={large ? "default" : "subtle"}
          color="gray"
          size={large ? 30 : "sm"}
          aria-label={label}
        >
          <IconDots size={16} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {actions.map((action, index) =>
          action === "divider" ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: dividers have no other identity
            <Menu.Divider key={`divider-${index}`} />
          ) : (
            <Menu.Item
              key={action.label}
              className={classes.item}
              color={action.danger ? "var(--tone-bad)" : undefined}
              leftSection={action.icon ? <action.icon size={15} stroke={1.75} aria-hidden /> : undefined}
              aria-disabled={action.reason !== undefined || undefined}
              data-disabled={action.reason !== undefined || undefined}
              closeMenuOnClick={action.reason === undefined}
              title={action.reason}
              onClick={() => action.reason === undefined && action.onSelect()}
            >
              {action.label}
              {action.reason !== undefined && <span className={classes.reason}>{action.reason}</span>}
            </Menu.Item>
          ),
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
