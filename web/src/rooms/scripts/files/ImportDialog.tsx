import { Button, FileInput, Group, Modal, Stack, TextInput } from "@mantine/core";
import { IconFileImport } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { useIntent } from "~/api/intent";
import { PlaceFields } from "~/rooms/agents/PlaceFields";
import { LANGUAGE } from "~/rooms/jobs/words";
import { ActionButton } from "~/ui/ActionButton";
import { count } from "~/ui/format";
import { SimpleTable } from "~/ui/SimpleTable";
import { LoadingLines, ProblemAlert } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { scriptKey } from "../api";
import { KIND } from "../words";
import classes from "./files.module.css";
import type { FileProblem } from "./format";
import {
  apply,
  type Belongs,
  type Outcome,
  type Planned,
  plan,
  readFiles,
  refusal,
  settingsText,
} from "./plan";

// It is what this dialog would weigh most, and few look at it.
const CodeDiff = lazy(() => import("~/ui/code/CodeDiff").then(({ CodeDiff }) => ({ default: CodeDiff })));

type Ready = Extract<Planned, { script: unknown }>;

const isReady = (one: Planned): one is Ready => "script" in one;
const isChange = ({ outcome }: Ready) => outcome.what !== "same";

/** Scripts and libraries from files. Nothing is saved before everybody can see what will be. */
export function ImportDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const intent = useIntent();
  const [files, setFiles] = useState<File[]>([]);
  const [belongs, setBelongs] = useState<Belongs>({});
  const [message, setMessage] = useState("");
  const [compared, setCompared] = useState<string>();
  const [refused, setRefused] = useState<{ file: string; problems: FileProblem[] }>();

  const look = useMutation({
    mutationFn: async (chosen: File[]) =>
      plan(
        readFiles(
          await Promise.all(
            chosen.map(async (file) => ({ name: file.name, bytes: await file.arrayBuffer() })),
          ),
        ),
      ),
  });
  const planned = look.data ?? [];
  const ready = planned.filter(isReady);
  const changes = ready.filter(isChange);

  const save = useMutation({
    mutationFn: async (wanted: Ready[]) => {
      for (const one of wanted) {
        try {
          await apply(one, {
            message: message.trim(),
            belongs,
            headers: (body) => intent.headers(body),
          });
        } catch (error) {
          setRefused({ file: one.file, problems: refusal(one.file, one.script, error) });
          throw error;
        }
      }
      return wanted.length;
    },
    onSuccess: (number) => {
      toastDone(`${count(number, "file")} imported`);
      onClose();
    },
    // What came before the one that was refused is saved.
    onError: () => look.mutate(files),
    onSettled: () => client.invalidateQueries({ queryKey: scriptKey }),
  });
  const choose = (chosen: File[]) => {
    setFiles(chosen);
    setCompared(undefined);
    setRefused(undefined);
    save.reset();
    look.mutate(chosen);
  };
  const problemsOf = (one: Planned): FileProblem[] =>
    isReady(one) ? (refused?.file === one.file ? refused.problems : NONE) : one.problems;
  const difference = ready.find((one) => one.file === compared);
  const comparing = difference?.outcome.what === "version" ? difference.outcome.saved : undefined;

  return (
    <Modal opened onClose={onClose} title="Import scripts" size="xl">
      <Stack gap="md">
        <FileInput
          multiple
          label="Files"
          description="Code with a header of comments, or with a .yaml file of its name: what Export as file and postern script export write. A file whose header does not say kind: library is a script."
          placeholder="Choose files"
          accept=".sh,.bash,.py,.ps1,.yaml"
          // Else a file that was mended could not be chosen again.
          fileInputProps={{
            onClick: (event) => {
              event.currentTarget.value = "";
            },
          }}
          value={files}
          onChange={choose}
        />
        {look.error ? <ProblemAlert error={look.error} /> : null}
        {look.isPending && <LoadingLines lines={2} />}
        {planned.length > 0 && (
          <SimpleTable
            label="What will be done"
            rows={planned}
            rowKey={({ file }) => file}
            columns={[
              { label: "File", cell: ({ file }) => <code>{file}</code> },
              {
                label: "Name",
                cell: (one) => (isReady(one) ? one.script.name : <span className="dim">–</span>),
              },
              {
                label: "Kind",
                cell: (one) =>
                  isReady(one) ? (
                    `${LANGUAGE[one.script.language].label} ${KIND[one.script.kind].label.toLowerCase()}`
                  ) : (
                    <span className="dim">–</span>
                  ),
              },
              {
                label: "What will be done",
                cell: (one) => (
                  <Done
                    one={one}
                    problems={problemsOf(one)}
                    onCompare={() => setCompared(compared === one.file ? undefined : one.file)}
                  />
                ),
              },
            ]}
          />
        )}
        {difference && comparing && (
          <Suspense fallback={<LoadingLines lines={3} />}>
            <CodeDiff
              label={`Difference of ${comparing.name}`}
              names={[`Version ${comparing.version}`, difference.file]}
              before={comparing.definition.content ?? ""}
              after={difference.script.definition.content ?? ""}
              language={comparing.language}
            />
            <Settings
              before={settingsText(comparing.definition)}
              after={settingsText(difference.script.definition)}
            />
          </Suspense>
        )}
        {ready.some(({ outcome }) => outcome.what === "create") && (
          <div className={classes.fields}>
            <PlaceFields
              tenantWide
              organization={belongs.organization}
              department={belongs.department}
              errors={{}}
              onChange={(organization, department) => setBelongs({ organization, department })}
            />
          </div>
        )}
        {changes.length > 0 && (
          <TextInput
            label="What was changed"
            description="Kept with each version."
            maxLength={500}
            value={message}
            onChange={(event) => setMessage(event.currentTarget.value)}
          />
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <ActionButton
            label="Import"
            icon={IconFileImport}
            variant="filled"
            loading={save.isPending}
            reason={reasonOf(planned, changes)}
            onClick={() => {
              setRefused(undefined);
              save.mutate(changes);
            }}
          />
        </Group>
      </Stack>
    </Modal>
  );
}

const NONE: FileProblem[] = [];

function reasonOf(planned: Planned[], changes: Ready[]): string | undefined {
  if (planned.length === 0) {
    return "Choose files first";
  }
  if (!planned.every(isReady)) {
    return "Mend the files that have problems, or leave them out";
  }
  return changes.length === 0 ? "Everything is saved as the files say it" : undefined;
}

interface DoneProps {
  one: Planned;
  problems: FileProblem[];
  onCompare: () => void;
}

function Done({ one, problems, onCompare }: DoneProps) {
  return (
    <>
      {isReady(one) && (
        <span className={classes.outcome}>
          {outcomeWords(one.outcome)}
          {one.outcome.what === "version" && (
            <Button variant="subtle" size="compact-xs" onClick={onCompare}>
              Difference
            </Button>
          )}
        </span>
      )}
      {problems.map(({ file, line, message }) => (
        <div key={`${line} ${message}`} className="problem" role="alert">
          {line === undefined ? "" : `${file === one.file ? "Line" : `${file}, line`} ${line}: `}
          {message}
        </div>
      ))}
    </>
  );
}

function outcomeWords(outcome: Outcome): string {
  switch (outcome.what) {
    case "create":
      return "Is created";
    case "version":
      return `Becomes version ${outcome.saved.version + 1}`;
    case "describe":
      return "Its description changes";
    case "same":
      return "Unchanged";
  }
}

function Settings({ before, after }: { before: string; after: string }) {
  return before === after ? null : (
    <CodeDiff
      label="Difference of the settings"
      names={["As saved", "In the file"]}
      before={before}
      after={after}
      language="text"
    />
  );
}
