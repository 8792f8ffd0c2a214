import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ApprovalDetail } from "~/api/types";
import { actorName } from "~/rooms/jobs/words";
import { APPROVAL_TYPE } from "~/rooms/workflows/words";
import { dateTime } from "~/ui/format";
import { Facts, Page, Panel } from "~/ui/Page";
import { plainText } from "~/ui/plainText";
import { RelativeTime } from "~/ui/RelativeTime";
import { ErrorState, LoadingLines, StaleBanner } from "~/ui/states";
import { AnswerPanel } from "./AnswerPanel";
import classes from "./ApprovalPage.module.css";
import { ApprovedWorkView } from "./ApprovedWorkView";
import { approvalOptions } from "./api";
import { PeoplePanel } from "./PeoplePanel";
import { ApprovalStatePill, progressWords } from "./words";

const route = getRouteApi("/app/approvals/$approvalId");

const Back = () => (
  <Link to="/approvals" className="link">
    Approvals
  </Link>
);

export function ApprovalPage() {
  const { approvalId } = route.useParams();
  const query = useQuery(approvalOptions(Number(approvalId)));
  const approval = query.data;
  if (!approval) {
    return (
      <Page title={`Approval ${approvalId}`} back={<Back />}>
        <Panel>
          {query.error ? (
            <ErrorState error={query.error} onRetry={() => void query.refetch()} />
          ) : (
            <LoadingLines />
          )}
        </Panel>
      </Page>
    );
  }
  return (
    <Page
      title={plainText(approval.title)}
      back={<Back />}
      aside={
        <>
          <ApprovalStatePill state={approval.state} large />
          <span className="dim">{progressWords(approval)}</span>
        </>
      }
    >
      <div className={classes.page}>
        {query.error ? <StaleBanner error={query.error} onRetry={() => void query.refetch()} /> : null}
        {approval.description && (
          <Panel title="About">
            <p className={classes.description}>{plainText(approval.description)}</p>
          </Panel>
        )}
        <About approval={approval} />
        <ApprovedWorkView work={approval.work} digest={approval.work_sha256} />
        <PeoplePanel approval={approval} />
        {/* Anew for what is asked: a comment belongs to what was read. */}
        <AnswerPanel key={approval.work_sha256} approval={approval} />
      </div>
    </Page>
  );
}

function About({ approval }: { approval: ApprovalDetail }) {
  return (
    <Panel title="Facts">
      <Facts
        facts={[
          ["Workflow", approval.workflow],
          [
            "Run of it",
            <Link
              key="instance"
              to="/instances/$instanceId"
              params={{ instanceId: String(approval.instance_id) }}
              className="link"
            >
              Instance {approval.instance_id}
            </Link>,
          ],
          ["Started by", actorName(approval.started_by)],
          ["Asked", <RelativeTime key="asked" at={approval.opened_at} />],
          [
            approval.state === "open" ? "Answer by" : "Ended",
            approval.state === "open" ? (
              <span key="deadline">
                {dateTime(approval.deadline)} (<RelativeTime at={approval.deadline} />)
              </span>
            ) : (
              <RelativeTime key="ended" at={approval.ended_at} empty="–" />
            ),
          ],
          ["Must approve", APPROVAL_TYPE[approval.type]],
        ]}
      />
    </Panel>
  );
}
