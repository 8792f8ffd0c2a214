import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";

/** Says what was done, with the way back. */
export function undoToast(message: string, onUndo: () => void): void {
  const id = notifications.show({
    color: "petrol",
    autoClose: 8_000,
    message: (
      <>
        {message}{" "}
        <Button
          variant="subtle"
          size="compact-xs"
          onClick={() => {
            notifications.hide(id);
            onUndo();
          }}
        >
          Undo
        </Button>
      </>
    ),
  });
}
