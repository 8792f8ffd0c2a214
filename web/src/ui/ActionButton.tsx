import { ActionIcon, Button, type ButtonProps, Tooltip } from "@mantine/core";
import type { TablerIcon } from "@tabler/icons-react";
import type { MouseEvent } from "react";

interface ActionButtonProps extends Pick<ButtonProps, "variant" | "color" | "size" | "loading"> {
  label: string;
  icon?: TablerIcon;
  /** Why it cannot be done now. The button stays reachable so that the reason can be read. */
  reason?: string | undefined;
  onClick: (event: MouseEvent<HTMLButtonElement>) => void;
  /** Only the icon is shown; the label is its name. */
  compact?: boolean;
  pressed?: boolean;
}

/** A button that, when it cannot be used, says why instead of vanishing. */
export function ActionButton({
  label,
  icon: Icon,
  reason,
  onClick,
  compact,
  pressed,
  variant = "default",
  color,
  size,
  loading,
}: ActionButtonProps) {
  const blocked = reason !== undefined;
  const shared = {
    variant,
    color,
    loading,
    "aria-disabled": blocked || undefined,
    "data-disabled": blocked || undefined,
    "aria-pressed": pressed,
    onClick: (event: MouseEvent<HTMLButtonElement>) => {
      if (blocked) {
        event.preventDefault();
        return;
      }
      onClick(event);
    },
  };
  if (compact && Icon) {
    return (
      <Tooltip label={reason ?? label}>
        <ActionIcon {...shared} size={size ?? "md"} aria-label={label}>
          <Icon size={16} stroke={1.75} aria-hidden />
        </ActionIcon>
      </Tooltip>
    );
  }
  return (
    <Tooltip label={reason} disabled={!blocked}>
      <Button
        {...shared}
        size={size ?? "xs"}
        leftSection={Icon ? <Icon size={15} stroke={1.75} aria-hidden /> : undefined}
      >
        {label}
      </Button>
    </Tooltip>
  );
}
