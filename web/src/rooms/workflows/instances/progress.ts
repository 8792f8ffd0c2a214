/** How far an instance is, step by step, and which routes it took. */
import type { InstanceDetail, StepOutcome, StepRun } from "~/api/types";
import type { FlowEdge, Graph } from "../graph/model";

export type StepState = "running" | "waiting" | StepOutcome;

export interface StepProgress {
  state: StepState;
  /** The newest run. */
  run: StepRun;
  /** How often it began, all tries counted. */
  runs: number;
}

/** By id of the step; those that no run has reached are absent. */
export function progressOf(runs: readonly StepRun[], types: ReadonlyMap<string, string>) {
  const progress = new Map<string, StepProgress>();
  for (const run of runs) {
    progress.set(run.step, {
      state: run.outcome ?? (waits(run, types) ? "waiting" : "running"),
      run,
      runs: (progress.get(run.step)?.runs ?? 0) + 1,
    });
  }
  return progress;
}

/** For people, for the clock or for hosts. */
export const waits = (
  { step, approval_id: approval, waits: why }: Pick<StepRun, "step" | "approval_id" | "waits">,
  types: ReadonlyMap<string, string>,
): boolean => Boolean(approval) || Boolean(why) || types.get(step) === "delay";

export function runsOf({ runs }: Pick<InstanceDetail, "runs">, step: string): StepRun[] {
  return runs.filter((run) => run.step === step);
}

type RouteWhen = FlowEdge["when"];

/** What a run came from: another run, and what became of that. */
function causeOf({ cause }: StepRun): { of: number; when: RouteWhen } | undefined {
  if (typeof cause === "string" || "branch" in cause) {
    return undefined;
  }
  if ("success" in cause) {
    return { of: cause.success.of, when: "success" };
  }
  if ("failure" in cause) {
    return { of: cause.failure.of, when: "failure" };
  }
  return "true" in cause ? { of: cause.true.of, when: "true" } : { of: cause.false.of, when: "false" };
}

/** The keys of the edges that the instance went along. */
export function takenRoutes(
  { edges, steps }: Pick<Graph, "edges" | "steps">,
  { runs, state }: Pick<InstanceDetail, "runs" | "state">,
): Set<string> {
  const keys = new Map(steps.map(({ id, key }) => [id, key]));
  const byNumber = new Map(runs.map((run) => [run.run, run]));
  const taken = new Set<string>();
  const followed = new Set<number>();
  const leaving = (run: StepRun) => edges.filter((edge) => edge.source === keys.get(run.step));
  for (const run of runs) {
    const cause = causeOf(run);
    const before = cause && byNumber.get(cause.of);
    if (run.cause === "start") {
      add(
        taken,
        edges.find(({ when }) => when === "start"),
      );
    } else if (cause && before) {
      followed.add(before.run);
      add(
        taken,
        leaving(before).find(({ when }) => when === cause.when),
      );
    }
  }
  // What a retry kept led to the step where it goes on.
  for (const run of runs.filter(({ cause }) => cause === "retry")) {
    const into = runs.flatMap((before) =>
      before.run < run.run && !followed.has(before.run)
        ? leaving(before)
            .filter(({ target, when }) => target === keys.get(run.step) && fits(before, when))
            .map((edge) => ({ edge, before }))
        : [],
    );
    const last = into.at(-1);
    if (last) {
      followed.add(last.before.run);
      add(taken, last.edge);
    } else {
      add(
        taken,
        edges.find(({ when, target }) => when === "start" && target === keys.get(run.step)),
      );
    }
  }
  for (const run of runs) {
    if (run.outcome && !followed.has(run.run)) {
      add(taken, ending(run, leaving(run), state));
    }
  }
  return taken;
}

const fits = ({ outcome }: StepRun, when: RouteWhen): boolean =>
  outcome === (when === "failure" ? "failed" : "succeeded");

function add(taken: Set<string>, edge: FlowEdge | undefined): void {
  if (edge) {
    taken.add(edge.key);
  }
}

/** The route to an end, where nothing followed. What a condition came to is seen by how the instance ended. */
function ending(
  { outcome }: StepRun,
  leaving: FlowEdge[],
  state: InstanceDetail["state"],
): FlowEdge | undefined {
  const toEnds = leaving.filter(({ target }) => target.startsWith("end:"));
  if (outcome === "failed") {
    return toEnds.find(({ when }) => when === "failure");
  }
  if (outcome !== "succeeded") {
    return undefined;
  }
  const either = toEnds.filter(
    ({ when, target }) => when !== "success" && when !== "failure" && leadsTo(target, state),
  );
  return toEnds.find(({ when }) => when === "success") ?? (either.length === 1 ? either[0] : undefined);
}

const leadsTo = (target: string, state: string): boolean => target.split("@")[0] === `end:${state}`;

export interface Resumption {
  /** Id of the step that is tried again. */
  step: string;
  /** Steps whose results are kept. */
  kept: string[];
}

/**
 * Where a retry begins: at the last step outside of branches that failed, or was cancelled where none failed. A
 * parallel step is tried again as a whole. The same rule as the server's.
 */
export function retriedFrom(runs: readonly StepRun[]): Resumption | undefined {
  const inside = new Set<number>();
  let found: StepRun | undefined;
  for (const run of runs) {
    const { cause } = run;
    const of = causeOf(run)?.of;
    if ((typeof cause !== "string" && "branch" in cause) || (of !== undefined && inside.has(of))) {
      inside.add(run.run);
    } else if (run.outcome === "failed" || (run.outcome !== "succeeded" && found === undefined)) {
      found = run;
    }
  }
  if (!found) {
    return undefined;
  }
  const { run: at, step } = found;
  const kept = runs.filter(
    ({ run, outcome, step: other }) => run < at && outcome === "succeeded" && other !== step,
  );
  return { step, kept: [...new Set(kept.map((run) => run.step))] };
}
