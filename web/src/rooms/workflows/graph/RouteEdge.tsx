import { BaseEdge, type Edge, type EdgeProps } from "@xyflow/react";
import type { RouteData } from "./elements";
import { ROUTE_WORDS } from "./elements";
import classes from "./flow.module.css";
import { downwards, upwards } from "./paths";

/** Where a step leads: colour, line and word say on what. */
export function RouteEdge(props: EdgeProps<Edge<RouteData, "route">>) {
  const { id, sourceX, sourceY, targetX, targetY, data, selected } = props;
  const ends = { from: { x: sourceX, y: sourceY }, to: { x: targetX, y: targetY } };
  const { path, label } =
    targetY > sourceY + 8
      ? downwards(
          ends,
          (data?.bends ?? []).map(({ x, y }) => ({ x: sourceX + x, y: sourceY + y })),
        )
      : upwards(ends, data?.lane === undefined ? Math.max(sourceX, targetX) + 170 : sourceX + data.lane);
  const when = data?.edge.when ?? "success";
  return (
    <>
      <BaseEdge
        id={id}
        path={path}
        interactionWidth={18}
        className={classes.route}
        data-when={when}
        data-selected={selected || undefined}
        data-over={data?.target || undefined}
        markerEnd={`url(#flow-arrow-${when})`}
      />
      {when !== "start" && (
        <text x={label.x} y={label.y} className={classes.label} data-when={when} aria-hidden>
          {ROUTE_WORDS[when]}
        </text>
      )}
    </>
  );
}
