import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMissing } from "~/app/session";
import { Page, Panel } from "~/ui/Page";
import { EmptyState, ErrorState, LoadingLines } from "~/ui/states";
import { scriptOptions, versionOptions } from "./api";
import { ScriptRunForm } from "./ScriptRunForm";
import { runReason } from "./useScriptActions";

const route = getRouteApi("/app/scripts/$scriptId/run");

export function ScriptRunPage() {
  const { scriptId } = route.useParams();
  const { agent, version: wanted } = route.useSearch();
  const navigate = route.useNavigate();
  const missing = useMissing();
  const id = Number(scriptId);
  const script = useQuery(scriptOptions(id));
  const number = Number(wanted) || script.data?.version;
  const version = useQuery({ ...versionOptions(id, number ?? 0), enabled: number !== undefined });
  const error = script.error ?? version.error;
  const reason = script.data && runReason(script.data, missing);
  return (
    <Page
      title={script.data ? `Run ${script.data.name}` : "Run a script"}
      back={
        <Link to="/scripts/$scriptId" params={{ scriptId }} className="link">
          {script.data?.name ?? `Script ${scriptId}`}
        </Link>
      }
      aside={script.data && <span className="dim">{script.data.description.split("\n")[0]}</span>}
    >
      {reason ? (
        <Panel>
          <EmptyState title="It cannot be run">{reason}</EmptyState>
        </Panel>
      ) : script.data && version.data ? (
        <ScriptRunForm
          key={version.data.version}
          script={script.data}
          version={version.data}
          hosts={agent ?? []}
          onVersion={(next) => void navigate({ search: (old) => ({ ...old, version: next }), replace: true })}
        />
      ) : (
        <Panel>
          {error ? (
            <ErrorState
              error={error}
              onRetry={() => void (script.error ? script.refetch() : version.refetch())}
            />
          ) : (
            <LoadingLines />
          )}
        </Panel>
      )}
    </Page>
  );
}
