/** What the keys do that are pressed in the graph. */
import type { Point } from "../graph/layout";

export type Direction = "up" | "down" | "left" | "right";

const ARROWS: Record<string, Direction> = {
  ArrowUp: "up",
  ArrowDown: "down",
  ArrowLeft: "left",
  ArrowRight: "right",
};

export const directionOf = (key: string): Direction | undefined => ARROWS[key];

/** Steps are wide and stand below each other: what is a little above or below is not beside. */
const ASIDE = { up: 0.5, down: 0.5, left: 6, right: 6 };

/** The nearest in a direction. */
export function nearest(
  from: Point,
  direction: Direction,
  others: ReadonlyMap<string, Point>,
): string | undefined {
  let best: { key: string; distance: number } | undefined;
  for (const [key, { x, y }] of others) {
    const ahead = { up: from.y - y, down: y - from.y, left: from.x - x, right: x - from.x }[direction];
    const beside = direction === "up" || direction === "down" ? Math.abs(x - from.x) : Math.abs(y - from.y);
    const distance = ahead + ASIDE[direction] * beside;
    if (ahead > 1 && (best === undefined || distance < best.distance)) {
      best = { key, distance };
    }
  }
  return best?.key;
}
