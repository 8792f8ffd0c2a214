/** How a run goes over its hosts: the form's content and the part of a request it becomes. */
import type { Amount, Concurrency, JobCreate, Priority, Rolling } from "~/api/types";

export interface HowDraft {
  /** Empty: the type's own. */
  priority: Priority | "";
  timeout: string;
  /** As a date input writes it: local time without a zone. */
  notBefore: string;
  rolling: boolean;
  /** `5` or `20%`. */
  batch: string;
  pause: string;
  stopAfter: string;
  concurrencyKey: string;
  concurrencyPer: Concurrency["per"];
}

export const HOW_FIELDS = [
  "priority",
  "timeout_seconds",
  "not_before",
  "rolling",
  "rolling.batch",
  "rolling.pause_seconds",
  "rolling.stop_after",
  "concurrency",
  "concurrency.key",
] as const;

export function emptyHow(): HowDraft {
  return {
    priority: "",
    timeout: "",
    notBefore: "",
    rolling: false,
    batch: "",
    pause: "",
    stopAfter: "",
    concurrencyKey: "",
    concurrencyPer: "host",
  };
}

/** How something that was saved runs. It has no time of its own. */
export function howFrom(how: Omit<How, "not_before">): HowDraft {
  const { priority, timeout_seconds: timeout, rolling, concurrency } = how;
  return {
    ...emptyHow(),
    priority: priority ?? "",
    timeout: timeout ? String(timeout) : "",
    rolling: Boolean(rolling),
    batch: rolling ? amountText(rolling.batch) : "",
    pause: rolling?.pause_seconds ? String(rolling.pause_seconds) : "",
    stopAfter: rolling?.stop_after ? amountText(rolling.stop_after) : "",
    concurrencyKey: concurrency?.key ?? "",
    concurrencyPer: concurrency?.per ?? "host",
  };
}

type How = Pick<JobCreate, "priority" | "timeout_seconds" | "not_before" | "rolling" | "concurrency">;

export function toHow(draft: HowDraft): How {
  const how: How = {};
  if (draft.priority !== "") {
    how.priority = draft.priority;
  }
  if (draft.timeout.trim() !== "") {
    how.timeout_seconds = Number(draft.timeout);
  }
  if (draft.notBefore !== "") {
    how.not_before = new Date(draft.notBefore).toISOString();
  }
  const rolling = rollingOf(draft);
  if (rolling) {
    how.rolling = rolling;
  }
  if (draft.concurrencyKey.trim() !== "") {
    how.concurrency = { key: draft.concurrencyKey.trim(), per: draft.concurrencyPer };
  }
  return how;
}

function rollingOf(draft: HowDraft): Rolling | undefined {
  const batch = draft.rolling ? parseAmount(draft.batch) : undefined;
  if (!batch) {
    return undefined;
  }
  const rolling: Rolling = { batch };
  if (draft.pause.trim() !== "") {
    rolling.pause_seconds = Number(draft.pause);
  }
  const stop = parseAmount(draft.stopAfter);
  if (stop) {
    rolling.stop_after = stop;
  }
  return rolling;
}

/** `5` hosts or `20%` of them. */
export function parseAmount(text: string): Amount | undefined {
  const match = /^(\d{1,6})\s*(%?)$/.exec(text.trim());
  if (!match) {
    return undefined;
  }
  const number = Number(match[1]);
  return match[2] === "%" ? { percent: number } : { hosts: number };
}

export function amountText(amount: Amount): string {
  return "percent" in amount ? `${amount.percent}%` : String(amount.hosts);
}

const whole = (text: string) => text.trim() === "" || /^\d+$/.test(text.trim());

export function missingHow(draft: HowDraft): string | undefined {
  if (!whole(draft.timeout)) {
    return "The timeout is a whole number of seconds";
  }
  if (draft.notBefore !== "" && Number.isNaN(Date.parse(draft.notBefore))) {
    return "“Not before” is not a time";
  }
  if (!draft.rolling) {
    return undefined;
  }
  if (!parseAmount(draft.batch)) {
    return "Give the size of a batch: a number of hosts like 5, or a part like 20%";
  }
  if (!whole(draft.pause)) {
    return "The pause is a whole number of seconds";
  }
  return draft.stopAfter.trim() === "" || parseAmount(draft.stopAfter)
    ? undefined
    : "“Stop after” is a number of failed hosts like 2, or a part like 10%";
}
