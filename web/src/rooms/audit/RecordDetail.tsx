import type { AuditRecord } from "~/api/types";
import { CopyField } from "~/ui/CopyField";
import { dateTime } from "~/ui/format";
import { Facts } from "~/ui/Page";
import classes from "./AuditPage.module.css";
import { compare } from "./compare";

/** One record with what was before and after, field by field. */
export function RecordDetail({ record }: { record: AuditRecord }) {
  const rows = compare(record.before, record.after);
  return (
    <div className={classes.detail}>
      <Facts
        facts={[
          ["Time", dateTime(record.at)],
          ["Actor", record.actor],
          ["Action", <code key="action">{record.action}</code>],
          ["Object", <code key="object">{record.object}</code>],
          ["Outcome", record.outcome === "done" ? "Done" : "Refused"],
          ["Address", record.address ?? "–"],
          ...(record.token_id ? ([["API token", String(record.token_id)]] as [string, string][]) : []),
          ...(record.reason ? ([["Reason", record.reason]] as [string, string][]) : []),
        ]}
      />
      {rows.length > 0 && (
        <table className={classes.changes}>
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.field} data-changed={row.changed || undefined}>
                <th scope="row">
                  <code>{row.field}</code>
                </th>
                <td className={classes.before}>
                  <code>{row.before ?? "–"}</code>
                </td>
                <td className={classes.after}>
                  <code>{row.after ?? "–"}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <CopyField label="Hash" hint="over this record and the hash before it" value={record.hash} />
    </div>
  );
}
