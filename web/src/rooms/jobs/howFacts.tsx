/** On which hosts something that is saved runs, and how, as facts. */
import type { ReactNode } from "react";
import type { JobCreate, Rolling } from "~/api/types";
import { targetWords } from "~/rooms/agents/targets";
import { duration } from "~/ui/format";
import { amountText } from "./how";
import { PRIORITY } from "./words";

type Said = Pick<JobCreate, "targets" | "priority" | "timeout_seconds" | "rolling" | "concurrency">;

export function howFacts(said: Said): [string, ReactNode][] {
  const { targets, priority, timeout_seconds: timeout, rolling, concurrency } = said;
  return [
    [
      "Hosts",
      <span key="hosts" className="mono">
        {targetWords(targets)}
      </span>,
    ],
    ["Priority", priority ? PRIORITY[priority].label : "Standard"],
    ["Timeout", timeout ? duration(timeout * 1_000) : "Standard"],
    ...(rolling ? ([["In batches", rollingWords(rolling)]] as [string, ReactNode][]) : []),
    ...(concurrency
      ? ([["Concurrency", `${concurrency.key}, per ${concurrency.per}`]] as [string, ReactNode][])
      : []),
  ];
}

function rollingWords({ batch, pause_seconds: pause, stop_after: stop }: Rolling): string {
  return [
    `of ${amountText(batch)}`,
    pause ? `with ${duration(pause * 1_000)} between them` : "",
    stop ? `stops after ${amountText(stop)} failed` : "",
  ]
    .filter(Boolean)
    .join(", ");
}
