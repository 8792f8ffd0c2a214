import { IconFlask } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMissing } from "~/app/session";
import { Page, Panel } from "~/ui/Page";
import { Pill } from "~/ui/Pill";
import { EmptyState, ErrorState, LoadingLines } from "~/ui/states";
import { workflowOptions } from "./api";
import { workflowReasons } from "./rules";
import { WorkflowRunForm } from "./WorkflowRunForm";

const route = getRouteApi("/app/workflows/$workflowId/run");

export function WorkflowRunPage() {
  const { workflowId } = route.useParams();
  const { draft } = route.useSearch();
  const navigate = route.useNavigate();
  const missing = useMissing();
  const query = useQuery(workflowOptions(Number(workflowId)));
  const workflow = query.data;
  const trying = draft === "1";
  const reasons = workflow && workflowReasons(workflow, missing);
  const reason = trying ? reasons?.tryDraft : reasons?.run;
  const digest = trying ? workflow?.draft_sha256 : workflow?.published?.sha256;
  return (
    <Page
      title={workflow ? `Run ${workflow.name}` : "Run a workflow"}
      back={
        <Link to="/workflows/$workflowId" params={{ workflowId }} className="link">
          {workflow?.name ?? `Workflow ${workflowId}`}
        </Link>
      }
      aside={
        workflow && (
          <>
            {trying && (
              <Pill tone="warn" icon={IconFlask} large>
                Draft
              </Pill>
            )}
            <span className="dim">{workflow.description.split("\n")[0]}</span>
          </>
        )
      }
    >
      {reason ? (
        <Panel>
          <EmptyState title="It cannot be run">{reason}</EmptyState>
        </Panel>
      ) : workflow ? (
        <WorkflowRunForm
          key={digest}
          workflow={workflow}
          draft={trying}
          onDraft={(on) => void navigate({ search: { draft: on ? "1" : undefined }, replace: true })}
        />
      ) : (
        <Panel>
          {query.error ? (
            <ErrorState error={query.error} onRetry={() => void query.refetch()} />
          ) : (
            <LoadingLines />
          )}
        </Panel>
      )}
    </Page>
  );
}
