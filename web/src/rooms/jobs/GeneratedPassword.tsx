import { Button, Group, Modal, Stack } from "@mantine/core";
import { CopyField } from "~/ui/CopyField";

/** Shown once: nobody can read it again. */
export function GeneratedPassword({ value, onClose }: { value: string | undefined; onClose: () => void }) {
  return (
    <Modal
      opened={value !== undefined}
      onClose={onClose}
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
      title="The new password"
    >
      <Stack gap="md">
        <div>It was drawn for these jobs and is shown only here, only now. Copy it before you go on.</div>
        {value !== undefined && <CopyField label="Password" value={value} />}
        <Group justify="flex-end">
          <Button onClick={onClose}>I have copied it</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
