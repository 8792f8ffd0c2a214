import { IconFlask } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMissing, useSession } from "~/app/session";
import { Page, Panel } from "~/ui/Page";
import { Pill } from "~/ui/Pill";
import { EmptyState, ErrorState, LoadingLines } from "~/ui/states";
import { ActionRunForm } from "./ActionRunForm";
import { actionOptions } from "./api";
import { actionReasons } from "./rules";

const route = getRouteApi("/app/actions/$actionId/run");

export function ActionRunPage() {
  const { actionId } = route.useParams();
  const { draft } = route.useSearch();
  const navigate = route.useNavigate();
  const missing = useMissing();
  const { user } = useSession();
  const query = useQuery(actionOptions(Number(actionId)));
  const action = query.data;
  const trying = draft === "1";
  const reasons = action && actionReasons(action, missing, user);
  const reason = trying ? reasons?.tryDraft : reasons?.run;
  const digest = trying ? action?.draft_sha256 : action?.deployed?.sha256;
  return (
    <Page
      title={action ? `Run ${action.name}` : "Run an action"}
      back={
        <Link to="/actions/$actionId" params={{ actionId }} className="link">
          {action?.name ?? `Action ${actionId}`}
        </Link>
      }
      aside={
        action && (
          <>
            {trying && (
              <Pill tone="warn" icon={IconFlask} large>
                Draft
              </Pill>
            )}
            <span className="dim">{action.description.split("\n")[0]}</span>
          </>
        )
      }
    >
      {reason ? (
        <Panel>
          <EmptyState title="It cannot be run">{reason}</EmptyState>
        </Panel>
      ) : action ? (
        <ActionRunForm
          key={digest}
          action={action}
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
