import { allSteps } from "./edits";
import { parse } from "./parse";

/** How many steps a text has, those of branches too; nothing for one that cannot be read. */
export function stepCount(source: string): number | undefined {
  const parsed = parse(source);
  return "readable" in parsed ? allSteps(parsed.readable).length : undefined;
}
