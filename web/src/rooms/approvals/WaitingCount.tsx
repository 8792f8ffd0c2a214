import { useQuery } from "@tanstack/react-query";
import { COUNTED, waitingOptions } from "./api";
import classes from "./WaitingCount.module.css";

/** How many approvals wait for whoever looks; nothing when there are none, or while that is not known. */
export function WaitingCount() {
  const { data = 0 } = useQuery(waitingOptions);
  if (data === 0) {
    return null;
  }
  const number = data > COUNTED ? `${COUNTED}+` : String(data);
  return (
    <span className={classes.count}>
      {number}
      <span className="visually-hidden"> {data === 1 ? "waits" : "wait"} for you</span>
    </span>
  );
}
