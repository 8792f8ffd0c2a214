import type { ReactNode } from "react";
import type { JobResult } from "~/api/types";
import { bytes } from "~/ui/format";
import { Facts, Panel } from "~/ui/Page";
import { Pill } from "~/ui/Pill";
import { SimpleTable } from "~/ui/SimpleTable";
import { JOB_TYPE } from "../words";
import { NetworkView } from "./NetworkView";
import classes from "./results.module.css";
import { micros, or, yesNo } from "./words";

/** What the agent reported beside the output, as tables. */
export function ResultPanel({ result, late }: { result: JobResult; late?: boolean }) {
  return (
    <Panel title={`${late ? "Late result" : "Result"}: ${JOB_TYPE[result.type].label.toLowerCase()}`}>
      <div className={classes.result}>
        <View {...result} />
      </div>
    </Panel>
  );
}

type Of<Type extends JobResult["type"]> = Extract<JobResult, { type: Type }>["result"];

function View(one: JobResult): ReactNode {
  switch (one.type) {
    case "service_control":
      return <ServiceView {...one.result} />;
    case "process_control":
      return <ProcessView {...one.result} />;
    case "network_diagnostic":
      return <NetworkView result={one.result} />;
    case "software_install":
      return <SoftwareView {...one.result} />;
    case "user_control":
      return <UserView {...one.result} />;
    case "group_control":
      return <GroupView {...one.result} />;
    case "http_request":
      return <HttpView {...one.result} />;
  }
}

function ServiceView({ service, manager, before, after }: Of<"service_control">) {
  const rows = [
    { when: "Before", ...before },
    { when: "After", ...after },
  ];
  return (
    <>
      <Facts
        facts={[
          ["Service", service],
          ["Managed by", manager],
        ]}
      />
      <SimpleTable
        label="State of the service"
        rows={rows}
        rowKey={(row) => row.when}
        columns={[
          { label: "", cell: (row) => row.when },
          { label: "State", cell: (row) => row.state },
          {
            label: "Running",
            cell: (row) => <Pill tone={row.running ? "good" : "wait"}>{row.running ? "Yes" : "No"}</Pill>,
          },
          { label: "At boot", cell: (row) => yesNo(row.enabled) },
          { label: "Process", cell: (row) => or(row.pid), align: "end" },
        ]}
      />
    </>
  );
}

function ProcessView({ processes, truncated }: Of<"process_control">) {
  return (
    <>
      <SimpleTable
        label="Processes"
        empty="No process matches."
        rows={processes}
        rowKey={(row) => String(row.pid)}
        columns={[
          { label: "Process", cell: (row) => row.pid, align: "end" },
          { label: "Parent", cell: (row) => row.parent, align: "end" },
          { label: "Name", cell: (row) => row.name },
          { label: "User", cell: (row) => row.user },
          { label: "Memory", cell: (row) => bytes(row.memory_bytes), align: "end" },
          { label: "Signal", cell: (row) => or(row.signal) },
          { label: "Gone", cell: (row) => yesNo(row.gone) },
          { label: "Command", cell: (row) => <code>{row.command_line}</code> },
        ]}
      />
      <Cut truncated={truncated} />
    </>
  );
}

function SoftwareView({ manager, packages, truncated }: Of<"software_install">) {
  return (
    <>
      <Facts facts={[["Package manager", manager]]} />
      <SimpleTable
        label="Packages"
        empty="Nothing changed."
        rows={packages}
        rowKey={(row) => row.name}
        columns={[
          { label: "Package", cell: (row) => row.name },
          { label: "Before", cell: (row) => or(row.before) },
          { label: "After", cell: (row) => or(row.after) },
        ]}
      />
      <Cut truncated={truncated} />
    </>
  );
}

function UserView(result: Of<"user_control">) {
  return (
    <Facts
      facts={[
        ["User", result.user],
        ["Exists", yesNo(result.exists)],
        ["Id", or(result.uid)],
        ["Home", or(result.home)],
        ["Shell", or(result.shell)],
        ["Groups", or(result.groups.join(", "))],
        ["Enabled", yesNo(result.enabled)],
        ["Changed", yesNo(result.changed)],
      ]}
    />
  );
}

function GroupView(result: Of<"group_control">) {
  return (
    <Facts
      facts={[
        ["Group", result.group],
        ["Exists", yesNo(result.exists)],
        ["Id", or(result.gid)],
        ["Members", or(result.members.join(", "))],
        ["Changed", yesNo(result.changed)],
      ]}
    />
  );
}

function HttpView(result: Of<"http_request">) {
  return (
    <>
      <Facts
        facts={[
          ["Asked", `${result.method} ${result.url}`],
          ["Status", or(result.status)],
          ["Took", micros(result.time_us)],
          ["Certificate checked", yesNo(result.certificate_checked)],
          ["Body", `${bytes(result.body_bytes)}${result.truncated ? ", cut" : ""}`],
          ...(result.redirects.length > 0
            ? ([["Redirects", result.redirects.join(" → ")]] as [string, ReactNode][])
            : []),
        ]}
      />
      <SimpleTable
        label="Headers of the answer"
        rows={result.headers}
        rowKey={(row, index) => `${index} ${row.name}`}
        columns={[
          { label: "Header", cell: (row) => <code>{row.name}</code> },
          { label: "Value", cell: (row) => <code>{row.value}</code> },
        ]}
      />
      {result.body && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        <pre className={classes.body} tabIndex={0} aria-label="Body of the answer" role="group">
          {result.body}
        </pre>
      )}
    </>
  );
}

function Cut({ truncated }: { truncated: boolean }) {
  return truncated ? <p className="dim">There are more; the rest was left out.</p> : null;
}
