import { notifications } from "@mantine/notifications";
import { asProblem } from "~/api/problem";

export function toastDone(message: string): void {
  notifications.show({ message, color: "petrol", autoClose: 4_000 });
}

export function toastProblem(what: string, error: unknown): void {
  const { problem } = asProblem(error);
  notifications.show({ title: what, message: problem.detail, color: "red", autoClose: 10_000 });
}

/** Something that cannot be done here, and why. */
export function toastRefused(what: string, why: string): void {
  notifications.show({ title: what, message: why, color: "red", autoClose: 10_000 });
}
