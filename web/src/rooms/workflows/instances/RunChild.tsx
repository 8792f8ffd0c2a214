import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { withActorName } from "~/rooms/jobs/words";
import { plainText } from "~/ui/plainText";
import { instanceOptions } from "../api";
import { InstanceStatePill } from "../words";
import classes from "./StepPanel.module.css";

/** The instance that a step started. */
export function RunChild({ id }: { id: number }) {
  const { data: child } = useQuery(instanceOptions(id));
  return (
    <div className={classes.line}>
      <Link to="/instances/$instanceId" params={{ instanceId: String(id) }} className="link">
        Instance {id}
      </Link>
      {child && (
        <>
          <span>of {child.workflow}</span>
          <InstanceStatePill state={child.state} />
          {child.reason && <span className="dim">{plainText(withActorName(child.reason))}</span>}
        </>
      )}
    </div>
  );
}
