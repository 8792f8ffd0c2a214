/** The lines between nodes, as SVG paths. */
import type { Point } from "./layout";

export interface DrawnEdge {
  path: string;
  /** Where its words stand. */
  label: Point;
}

interface Ends {
  from: Point;
  to: Point;
}

/** Leaves and enters vertically, through all bends. */
export function downwards({ from, to }: Ends, bends: Point[]): DrawnEdge {
  const points = [from, ...bends, to];
  let path = `M ${at(from)}`;
  for (let index = 1; index < points.length; index += 1) {
    const one = points[index - 1] ?? from;
    const other = points[index] ?? to;
    const middle = (one.y + other.y) / 2;
    path += ` C ${one.x},${middle} ${other.x},${middle} ${at(other)}`;
  }
  return { path, label: bends[Math.floor((bends.length - 1) / 2)] ?? halfway(from, to) };
}

const TURN = 10;
const STUB = 16;

/** Back up to a node above: along a lane beside the others. */
export function upwards({ from, to }: Ends, lane: number): DrawnEdge {
  const low = from.y + STUB;
  const high = to.y - STUB;
  const side = lane >= from.x ? 1 : -1;
  const way = lane >= to.x ? 1 : -1;
  const path = [
    `M ${at(from)}`,
    `L ${from.x},${low - TURN}`,
    `Q ${from.x},${low} ${from.x + side * TURN},${low}`,
    `L ${lane - side * TURN},${low}`,
    `Q ${lane},${low} ${lane},${low - TURN}`,
    `L ${lane},${high + TURN}`,
    `Q ${lane},${high} ${lane - way * TURN},${high}`,
    `L ${to.x + way * TURN},${high}`,
    `Q ${to.x},${high} ${to.x},${high + TURN}`,
    `L ${at(to)}`,
  ].join(" ");
  return { path, label: { x: lane, y: (low + high) / 2 } };
}

const at = ({ x, y }: Point) => `${x},${y}`;
const halfway = (one: Point, other: Point): Point => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });
