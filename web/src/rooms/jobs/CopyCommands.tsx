import { Button, Collapse } from "@mantine/core";
import { IconTerminal } from "@tabler/icons-react";
import { useState } from "react";
import { CopyField } from "~/ui/CopyField";
import { Panel } from "~/ui/Page";
import classes from "./RunForm.module.css";

interface CopyCommandsProps {
  /** Absent while something is missing. */
  commands: { cli: string; curl: string } | undefined;
  /** Where the command line has its secrets from. */
  cliHint?: string;
}

/** The same as a command line and as a request, for scripts and for colleagues. */
export function CopyCommands({
  commands,
  cliHint = "Asks for secrets; they do not stand in it.",
}: CopyCommandsProps) {
  const [open, setOpen] = useState(false);
  return (
    <Panel
      title="The same as a command"
      aside={
        <Button
          variant="subtle"
          size="compact-xs"
          aria-expanded={open}
          leftSection={<IconTerminal size={14} aria-hidden />}
          onClick={() => setOpen(!open)}
        >
          {open ? "Hide" : "Copy as CLI or curl"}
        </Button>
      }
      flush
    >
      <Collapse expanded={open}>
        <div className={classes.copies}>
          {commands ? (
            <>
              <CopyField label="CLI" hint={cliHint} value={commands.cli} />
              <CopyField label="curl" hint="Secrets come from variables." value={commands.curl} />
            </>
          ) : (
            <span className="dim">Fill in the form first: something is missing.</span>
          )}
        </div>
      </Collapse>
    </Panel>
  );
}
