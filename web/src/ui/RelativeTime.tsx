import { Tooltip } from "@mantine/core";
import { dateTime, relative } from "./format";
import { useNow } from "./now";

/** `3 min ago`, with the exact local time on hover and for machines. */
export function RelativeTime({ at, empty = "never" }: { at: string | null | undefined; empty?: string }) {
  const now = useNow();
  if (!at) {
    return <span className="dim">{empty}</span>;
  }
  return (
    <Tooltip label={dateTime(at)}>
      <time dateTime={at}>{relative(at, now)}</time>
    </Tooltip>
  );
}
