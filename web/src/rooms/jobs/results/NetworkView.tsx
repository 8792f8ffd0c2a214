import type { NetworkResult, TlsInfo } from "~/api/types";
import { dateTime } from "~/ui/format";
import { Facts } from "~/ui/Page";
import { Pill, type Tone } from "~/ui/Pill";
import { SimpleTable } from "~/ui/SimpleTable";
import { micros, or, yesNo } from "./words";

type Of<Tool extends NetworkResult["tool"]> = Extract<NetworkResult, { tool: Tool }>;

export function NetworkView({ result }: { result: NetworkResult }) {
  switch (result.tool) {
    case "ping":
      return <Ping {...result} />;
    case "traceroute":
      return <Trace {...result} />;
    case "dns_lookup":
      return <Dns {...result} />;
    case "netstat":
      return <Netstat {...result} />;
    case "port_check":
      return <Ports {...result} />;
    case "http_check":
      return <HttpCheck {...result} />;
  }
}

function Ping(result: Of<"ping">) {
  return (
    <>
      <Facts
        facts={[
          ["Host", result.host],
          ["Address", result.address],
          ["Answered", `${result.received} of ${result.sent}`],
          ["Fastest", micros(result.minimum_us)],
          ["Average", micros(result.average_us)],
          ["Slowest", micros(result.maximum_us)],
        ]}
      />
      <SimpleTable
        label="Answers"
        rows={result.replies}
        rowKey={(row) => String(row.sequence)}
        columns={[
          { label: "Packet", cell: (row) => row.sequence, align: "end" },
          { label: "Time", cell: (row) => micros(row.time_us), align: "end" },
          { label: "TTL", cell: (row) => or(row.ttl), align: "end" },
        ]}
      />
    </>
  );
}

function Trace(result: Of<"traceroute">) {
  return (
    <>
      <Facts
        facts={[
          ["Host", result.host],
          ["Address", result.address],
          ["Reached", yesNo(result.reached)],
        ]}
      />
      <SimpleTable
        label="Hops"
        rows={result.hops}
        rowKey={(row) => String(row.number)}
        columns={[
          { label: "Hop", cell: (row) => row.number, align: "end" },
          { label: "Address", cell: (row) => or(row.address) },
          { label: "Time", cell: (row) => micros(row.time_us), align: "end" },
        ]}
      />
    </>
  );
}

function Dns(result: Of<"dns_lookup">) {
  return (
    <>
      <Facts
        facts={[
          ["Asked", `${result.name} ${result.record_type}`],
          ["Answer", result.response_code],
          ["Servers", or(result.servers.join(", "))],
          ["Took", micros(result.time_us)],
        ]}
      />
      <SimpleTable
        label="Records"
        empty="There are no records."
        rows={result.records}
        rowKey={(row, index) => `${index} ${row.value}`}
        columns={[
          { label: "Name", cell: (row) => row.name },
          { label: "Type", cell: (row) => row.type },
          { label: "TTL", cell: (row) => row.ttl, align: "end" },
          { label: "Value", cell: (row) => <code>{row.value}</code> },
        ]}
      />
    </>
  );
}

function Netstat({ sockets, truncated }: Of<"netstat">) {
  return (
    <>
      <SimpleTable
        label="Sockets"
        empty="There are none."
        rows={sockets}
        rowKey={(row, index) => `${index} ${row.local}`}
        columns={[
          { label: "Protocol", cell: (row) => row.protocol.toUpperCase() },
          { label: "Local", cell: (row) => <code>{row.local}</code> },
          { label: "Remote", cell: (row) => <code>{row.remote}</code> },
          { label: "State", cell: (row) => row.state },
          { label: "User", cell: (row) => row.user },
          { label: "Process", cell: (row) => or(row.pid), align: "end" },
          { label: "Program", cell: (row) => or(row.program) },
        ]}
      />
      {truncated && <p className="dim">There are more; the rest was left out.</p>}
    </>
  );
}

const PORT_STATE: Record<Of<"port_check">["ports"][number]["state"], { label: string; tone: Tone }> = {
  open: { label: "Open", tone: "good" },
  closed: { label: "Closed", tone: "bad" },
  filtered: { label: "Filtered", tone: "warn" },
  open_or_filtered: { label: "Open or filtered", tone: "odd" },
};

function Ports({ host, address, ports }: Of<"port_check">) {
  return (
    <>
      <Facts
        facts={[
          ["Host", host],
          ["Address", address],
        ]}
      />
      <SimpleTable
        label="Ports"
        rows={ports}
        rowKey={(row) => `${row.protocol} ${row.port}`}
        columns={[
          { label: "Port", cell: (row) => `${row.port}/${row.protocol}`, align: "end" },
          {
            label: "State",
            cell: (row) => <Pill tone={PORT_STATE[row.state].tone}>{PORT_STATE[row.state].label}</Pill>,
          },
          { label: "Time", cell: (row) => micros(row.time_us), align: "end" },
          { label: "Says first", cell: (row) => (row.banner ? <code>{row.banner}</code> : or(undefined)) },
          {
            label: "TLS",
            cell: (row) => (row.tls ? `${row.tls.version}, ${row.tls.subject}` : or(undefined)),
          },
          { label: "Problem", cell: (row) => or(row.problem ?? row.tls?.problem) },
        ]}
      />
    </>
  );
}

function HttpCheck(result: Of<"http_check">) {
  return (
    <>
      <Facts
        facts={[
          ["URL", result.url],
          ["Status", or(result.status)],
          ["Took", micros(result.time_us)],
          ["Server", or(result.server)],
          ["Content type", or(result.content_type)],
          ["Problem", or(result.problem)],
        ]}
      />
      {result.tls && <TlsFacts {...result.tls} />}
    </>
  );
}

function TlsFacts(tls: TlsInfo) {
  return (
    <Facts
      facts={[
        ["TLS", `${tls.version}, ${tls.cipher}`],
        ["Certificate for", tls.subject],
        ["Names", or(tls.names.join(", "))],
        ["Issued by", tls.issuer],
        ["Valid from", dateTime(tls.not_before)],
        ["Valid to", dateTime(tls.not_after)],
        ["Certificate problem", or(tls.problem)],
      ]}
    />
  );
}
