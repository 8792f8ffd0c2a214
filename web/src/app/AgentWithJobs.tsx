import { AgentPage } from "~/rooms/agents/AgentPage";
import { RecentJobs } from "~/rooms/jobs/RecentJobs";

/** Two rooms on one page are put together here, so that neither has to know the other. */
export function AgentWithJobs() {
  return <AgentPage recent={(agent) => <RecentJobs agent={agent} />} />;
}
