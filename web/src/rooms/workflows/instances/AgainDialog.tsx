import { Button, Group, Modal, Stack } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { Instance, InstanceAgain, InstanceDetail, Parameter } from "~/api/types";
import { ParameterInputs } from "~/rooms/scripts/ParameterInputs";
import { emptyErrors, missingParameter, type ParameterTexts } from "~/rooms/scripts/parameters";
import { ErrorState, LoadingLines, ProblemAlert } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { instanceKey, instanceOptions } from "../api";
import { inputField, secretsOf } from "../run";
import { versionWords } from "../words";
import { retriedFrom } from "./progress";

export type Again = "retry" | "rerun";

interface AgainDialogProps {
  what: Again;
  instance: Pick<Instance, "id" | "workflow">;
  onClose: () => void;
}

/** Another instance: of all of it, or from where it failed. */
export function AgainDialog({ what, instance: { id, workflow }, onClose }: AgainDialogProps) {
  const { data, error, refetch } = useQuery(instanceOptions(id));
  return (
    <Modal
      opened
      onClose={onClose}
      title={what === "retry" ? `Retry instance ${id} of ${workflow}` : `Run ${workflow} again`}
      size="md"
    >
      {data ? (
        <AgainForm what={what} instance={data} onClose={onClose} />
      ) : error ? (
        <ErrorState error={error} onRetry={() => void refetch()} />
      ) : (
        <LoadingLines lines={3} />
      )}
    </Modal>
  );
}

interface AgainFormProps {
  what: Again;
  instance: InstanceDetail;
  onClose: () => void;
}

const NONE: Parameter[] = [];

function AgainForm({ what, instance, onClose }: AgainFormProps) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const intent = useIntent();
  const secrets = (instance.definition.inputs ?? NONE).filter(({ type }) => type === "secret");
  const [texts, setTexts] = useState<ParameterTexts>({});
  const [incomplete, setIncomplete] = useState<string>();
  const missing = missingParameter(secrets, texts);
  const start = useMutation({
    mutationFn: (body: InstanceAgain) => {
      const request = {
        params: { path: { id: instance.id } },
        body,
        headers: intent.headers([what, instance.id, body]),
      };
      return answer(
        what === "retry"
          ? api.POST("/api/v1/instances/{id}/retry", request)
          : api.POST("/api/v1/instances/{id}/rerun", request),
      );
    },
    onSuccess: async (made) => {
      intent.done();
      onClose();
      toastDone(`Instance ${made.id} runs`);
      void client.invalidateQueries({ queryKey: instanceKey });
      await navigate({ to: "/instances/$instanceId", params: { instanceId: String(made.id) } });
    },
  });
  const fields = start.error
    ? asProblem(start.error).fields.map(({ field, message }) => ({ field: inputField(field), message }))
    : [];
  const { at, rest } = problemsByField<string>(
    fields,
    secrets.map(({ name }) => `parameters.${name}`),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIncomplete(missing);
    if (missing === undefined) {
      start.mutate(secretsOf(secrets, texts));
    }
  };
  return (
    <form onSubmit={submit} onChange={() => start.error && start.reset()} noValidate>
      <Stack gap="md">
        {what === "retry" ? <Kept instance={instance} /> : <Same instance={instance} />}
        {secrets.length > 0 && (
          <>
            <div>Secrets are forgotten when an instance ends, so they are asked for again.</div>
            <ParameterInputs
              parameters={secrets}
              texts={texts}
              onChange={setTexts}
              errors={incomplete ? { ...at, ...emptyErrors(secrets, texts) } : at}
            />
          </>
        )}
        {start.error && (rest.length > 0 || Object.keys(at).length === 0) ? (
          <ProblemAlert error={start.error} />
        ) : null}
        {incomplete && missing === incomplete && (
          <p className="problem" role="alert">
            {incomplete}.
          </p>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button type="submit" loading={start.isPending}>
            {what === "retry" ? "Retry" : "Run again"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Kept({ instance }: { instance: InstanceDetail }) {
  const from = retriedFrom(instance.runs);
  if (!from) {
    return <div>No step of it failed or was cancelled: run all of it again instead.</div>;
  }
  return (
    <div>
      Another instance goes on from <code>{from.step}</code>, with {versionWords(instance.version)}, the same
      inputs and the same hosts.{" "}
      {from.kept.length > 0 ? (
        <>
          The results of{" "}
          {from.kept.map((step, place) => (
            <span key={step}>
              {place > 0 && ", "}
              <code>{step}</code>
            </span>
          ))}{" "}
          are kept, and those steps are not run again.
        </>
      ) : (
        "No step before it succeeded, so nothing is kept."
      )}{" "}
      Instance {instance.id} stays as it is.
    </div>
  );
}

const Same = ({ instance }: { instance: InstanceDetail }) => (
  <div>
    Another instance begins at the first step, with {versionWords(instance.version)}, the same inputs and the
    same hosts. Nothing of instance {instance.id} is kept, and it stays as it is.
  </div>
);
