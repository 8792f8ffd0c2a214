import { Modal, NativeSelect } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer } from "~/api/problem";
import type { Language, SavedScript, ScriptCreate, ScriptKind } from "~/api/types";
import { PlaceFields } from "~/rooms/agents/PlaceFields";
import { LANGUAGE } from "~/rooms/jobs/words";
import { scriptKey } from "./api";
import { CloneModal, Description, DialogForm, Name, RenameModal } from "./saved/dialogs";
import { FIRST_LINES, KIND } from "./words";

interface NewScriptDialogProps {
  opened: boolean;
  kind: ScriptKind;
  onClose: () => void;
}

/** Makes version 1 with the usual first lines, and goes on to the editor. */
export function NewScriptDialog({ opened, kind, onClose }: NewScriptDialogProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={`New ${KIND[kind].label.toLowerCase()}`} size="md">
      <NewScriptForm kind={kind} onClose={onClose} />
    </Modal>
  );
}

function NewScriptForm({ kind: first, onClose }: Omit<NewScriptDialogProps, "opened">) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const intent = useIntent();
  const [kind, setKind] = useState(first);
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [language, setLanguage] = useState<Language>("bash");
  const [place, setPlace] = useState<{ organization?: number | undefined; department?: number | undefined }>(
    {},
  );
  const create = useMutation({
    mutationFn: (body: ScriptCreate) =>
      answer(api.POST("/api/v1/scripts", { body, headers: intent.headers(body) })),
    onSuccess: async (script) => {
      intent.done();
      onClose();
      await client.invalidateQueries({ queryKey: scriptKey });
      await navigate({ to: "/scripts/$scriptId", params: { scriptId: String(script.id) } });
    },
  });
  return (
    <DialogForm
      submitLabel="Create and write it"
      pending={create.isPending}
      error={create.error}
      onChange={() => create.error && create.reset()}
      onClose={onClose}
      onSubmit={() =>
        create.mutate({
          kind,
          name: name.trim(),
          description: description.trim(),
          language,
          organization_id: place.organization,
          department_id: place.department,
          definition: { content: FIRST_LINES[language] },
        })
      }
    >
      {(errors) => (
        <>
          <Name value={name} error={errors.name} onChange={setName} />
          <NativeSelect
            label="Kind"
            value={kind}
            error={errors.kind}
            data={Object.entries(KIND).map(([value, { label }]) => ({ value, label }))}
            onChange={(event) => setKind(event.currentTarget.value === "library" ? "library" : "script")}
          />
          <NativeSelect
            label="Language"
            description="It stays; libraries and the scripts that link them have the same."
            value={language}
            error={errors.language}
            data={Object.entries(LANGUAGE).map(([value, { label }]) => ({ value, label }))}
            onChange={(event) => setLanguage(asLanguage(event.currentTarget.value))}
          />
          <Description value={description} error={errors.description} onChange={setDescription} />
          <PlaceFields
            tenantWide
            organization={place.organization}
            department={place.department}
            errors={{ organization: errors.organization_id, department: errors.department_id }}
            onChange={(organization, department) => setPlace({ organization, department })}
          />
        </>
      )}
    </DialogForm>
  );
}

const asLanguage = (value: string): Language =>
  value === "python" || value === "powershell" ? value : "bash";

interface ScriptDialogProps {
  script: SavedScript;
  onClose: () => void;
}

export function CloneDialog({ script, onClose }: ScriptDialogProps) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const params = { path: { id: script.id } };
  return (
    <CloneModal
      of={script}
      copied={script.name}
      send={(body, headers) => answer(api.POST("/api/v1/scripts/{id}/clone", { params, body, headers }))}
      onMade={async (made) => {
        await client.invalidateQueries({ queryKey: scriptKey });
        await navigate({ to: "/scripts/$scriptId", params: { scriptId: String(made.id) } });
      }}
      onClose={onClose}
    />
  );
}

export function RenameDialog({ script, onClose }: ScriptDialogProps) {
  const client = useQueryClient();
  const params = { path: { id: script.id } };
  return (
    <RenameModal
      of={script}
      send={(body) => answer(api.PATCH("/api/v1/scripts/{id}", { params, body }))}
      onSaved={() => client.invalidateQueries({ queryKey: scriptKey })}
      onClose={onClose}
    />
  );
}
