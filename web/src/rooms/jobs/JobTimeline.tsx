import type { JobDetail } from "~/api/types";
import { dateTime } from "~/ui/format";
import classes from "./JobPage.module.css";
import { actorName } from "./words";

type Told = Pick<JobDetail, "timeline" | "created_by">;

/** What happened to a job, as the server tells it. */
export function JobTimeline({ job: { timeline, created_by: creator } }: { job: Told }) {
  return (
    <ol className={classes.timeline}>
      {timeline.map(({ at, text }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: entries are only ever added at the end
        <li key={index}>
          <time dateTime={at}>{dateTime(at)}</time>
          <span>{text.replace(`by ${creator}`, () => `by ${actorName(creator)}`)}</span>
        </li>
      ))}
    </ol>
  );
}
