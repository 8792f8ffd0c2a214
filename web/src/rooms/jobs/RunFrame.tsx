import { type ReactNode, useMemo, useState } from "react";
import type { Targets } from "~/api/types";
import { HostPicker, TARGET_FIELDS } from "~/rooms/agents/HostPicker";
import { missingTargets, type TargetDraft, toTargets } from "~/rooms/agents/targets";
import { Panel } from "~/ui/Page";
import { HowFields } from "./HowFields";
import { HOW_FIELDS, type HowDraft, missingHow, toHow } from "./how";
import { type FieldErrors, StartForm, type StartFormProps } from "./StartForm";

type Shared = { targets: Targets } & ReturnType<typeof toHow>;

interface RunFrameProps<Body> extends Omit<StartFormProps<Body>, "body"> {
  start: { targets: TargetDraft; how: HowDraft };
  /** Makes the request; must not change between renders unless the work does. */
  build: (shared: Shared) => Body;
  how: Omit<Parameters<typeof HowFields>[0], "draft" | "onChange" | "errors">;
  children: (errors: FieldErrors) => ReactNode;
}

/** What every form has that asks on which hosts and how. */
export function RunFrame<Body>({ start, build, how: howProps, ...props }: RunFrameProps<Body>) {
  const [targets, setTargets] = useState(start.targets);
  const [how, setHow] = useState(start.how);
  const missing = missingTargets(targets) ?? props.missing ?? missingHow(how);
  const body = useMemo(
    () => (missing === undefined ? build({ targets: toTargets(targets), ...toHow(how) }) : undefined),
    [missing, build, targets, how],
  );
  return (
    <StartForm<Body>
      {...props}
      fields={[...TARGET_FIELDS, ...HOW_FIELDS, ...props.fields]}
      missing={missing}
      body={body}
    >
      {(errors) => (
        <>
          <Panel title="On which hosts">
            <HostPicker draft={targets} onChange={setTargets} errors={errors} />
          </Panel>
          {props.children(errors)}
          <Panel title="How">
            <HowFields {...howProps} draft={how} onChange={setHow} errors={errors} />
          </Panel>
        </>
      )}
    </StartForm>
  );
}
