import { useEffect, useRef } from "react";
import type { HostPreview, JobPreview } from "~/api/types";
import { ConnectionText } from "~/rooms/agents/words";
import { count } from "~/ui/format";
import { Facts, Panel } from "~/ui/Page";
import { Pill } from "~/ui/Pill";
import { SimpleTable } from "~/ui/SimpleTable";
import { ContentDigest } from "./ContentDigest";

const SHOWN = 500;

/** What a run would make, host by host; nothing has been made. */
export function PreviewPanel({ preview }: { preview: JobPreview }) {
  const unfit = preview.hosts.filter((host) => host.problem).length;
  const offline = preview.hosts.filter((host) => host.connection !== "connected").length;
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => {
    panel.current?.scrollIntoView({ block: "nearest" });
  }, []);
  return (
    <div ref={panel}>
      <Panel title="Preview" aside={<Pill tone="wait">Nothing has been started</Pill>}>
        <Facts
          facts={[
            ["Jobs", count(preview.hosts.length, "job")],
            ["Batches", preview.batches],
            ["Offline", offline],
            ["Would fail or wait", unfit],
            ["What runs", <span key="summary">{preview.summary}</span>],
            ["SHA-256 of the request", <code key="digest">{preview.payload_sha256}</code>],
          ]}
        />
        {preview.content_sha256 && <ContentDigest value={preview.content_sha256} />}
        <SimpleTable
          label="Hosts of the preview"
          rows={preview.hosts.slice(0, SHOWN)}
          rowKey={(host) => String(host.agent_id)}
          columns={columns}
        />
        {preview.hosts.length > SHOWN && <p className="dim">and {preview.hosts.length - SHOWN} more</p>}
      </Panel>
    </div>
  );
}

const columns = [
  { label: "Host", cell: (host: HostPreview) => host.agent },
  { label: "Batch", cell: (host: HostPreview) => host.batch },
  {
    label: "Connection",
    cell: (host: HostPreview) =>
      host.active ? <ConnectionText connection={host.connection} /> : <span className="dim">Inactive</span>,
  },
  {
    label: "Problem",
    cell: (host: HostPreview) =>
      host.problem ? <span className="problem">{host.problem}</span> : <span className="dim">–</span>,
  },
];
