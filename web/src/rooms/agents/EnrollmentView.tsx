import { Alert, Button, Group, Stack } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { Agent, AgentEnrollment } from "~/api/types";
import { CopyField } from "~/ui/CopyField";
import { relative } from "~/ui/format";
import { LinkButton } from "~/ui/LinkButton";
import { useNow } from "~/ui/now";
import { Pill } from "~/ui/Pill";
import { agentOptions } from "./api";
import classes from "./EnrollmentView.module.css";

const POLL_MS = 1_500;

/** The commands that start an agent, shown once, and whether it has come. */
export function EnrollmentView({
  enrollment,
  onClose,
}: {
  enrollment: AgentEnrollment;
  onClose: () => void;
}) {
  const { data } = useQuery({
    ...agentOptions(enrollment.agent.id),
    refetchInterval: (query) => (hasCome(query.state.data) ? 5_000 : POLL_MS),
  });
  const here = hasCome(data);
  return (
    <Stack gap="md">
      <Waiting name={enrollment.agent.name} here={here} agent={data} expiresAt={enrollment.expires_at} />
      <CopyField
        label="Shell"
        hint="installs and starts the agent on a Linux host"
        value={enrollment.install_command}
      />
      <CopyField label="Docker" value={enrollment.docker_command} />
      <CopyField label="Run" hint="where postern-agent is already there" value={enrollment.run_command} />
      <CopyField label="Enrolment token" value={enrollment.enrollment_token} />
      {!here && (
        <Alert color="yellow" variant="light" icon={<IconAlertTriangle aria-hidden />}>
          The token is shown only here. It lets one agent join; give it to nobody else.
        </Alert>
      )}
      <Group justify="flex-end" gap="xs">
        <LinkButton to="/agents/$agentId" params={{ agentId: String(enrollment.agent.id) }} variant="default">
          Open {enrollment.agent.name}
        </LinkButton>
        <Button onClick={onClose}>{here ? "Done" : "Close"}</Button>
      </Group>
    </Stack>
  );
}

/** It used the token and speaks: an older credential alone does not count. */
function hasCome(agent: Agent | undefined): boolean {
  return agent?.health === "running" && agent.credential === "live" && !agent.enrollment_expires_at;
}

function Waiting(props: { name: string; here: boolean; agent: Agent | undefined; expiresAt: string }) {
  const now = useNow();
  const expired = Date.parse(props.expiresAt) <= now;
  return (
    <div className={classes.waiting} role="status" data-here={props.here || undefined}>
      {props.here ? (
        <>
          <Pill tone="good" large>
            Running
          </Pill>
          <span>
            {props.name} is connected
            {props.agent?.hostname ? ` from ${props.agent.hostname}` : ""}
            {props.agent?.os ? ` (${props.agent.os})` : ""}.
          </span>
        </>
      ) : expired ? (
        <>
          <Pill tone="bad" large>
            Expired
          </Pill>
          <span>The enrolment token has expired unused. Make a new one from the agent’s menu.</span>
        </>
      ) : (
        <>
          <Pill tone="busy" large spin>
            Waiting for the agent…
          </Pill>
          <span className="dim">
            The token can be used once; it expires {relative(props.expiresAt, now)}.
          </span>
        </>
      )}
    </div>
  );
}
