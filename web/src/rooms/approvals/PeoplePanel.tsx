import { IconUserShare } from "@tabler/icons-react";
import { useState } from "react";
import type { ApprovalDetail, Asked } from "~/api/types";
import { useMissing } from "~/app/session";
import { ActionButton } from "~/ui/ActionButton";
import { useNow } from "~/ui/now";
import { Panel } from "~/ui/Page";
import { Pill } from "~/ui/Pill";
import { plainText } from "~/ui/plainText";
import { RelativeTime } from "~/ui/RelativeTime";
import classes from "./ApprovalPage.module.css";
import { DelegateDialog } from "./DelegateDialog";
import { delegateReason, heldUp } from "./rules";
import { DECISION } from "./words";

/** Who was asked, and what they said. */
export function PeoplePanel({ approval }: { approval: ApprovalDetail }) {
  const missing = useMissing();
  const now = useNow();
  const [from, setFrom] = useState<Asked>();
  const held = heldUp(approval);
  return (
    <Panel title="Who was asked">
      {held && <p className={classes.held}>{held}</p>}
      <ul className={classes.people} aria-label="Who was asked">
        {approval.people.map((person) => (
          <li key={person.user_id}>
            <div className={classes.person}>
              <strong>{person.name}</strong>
              {person.instead_of && <span className="dim">in place of {person.instead_of}</span>}
              <Said person={person} />
              {!person.decision && (
                <ActionButton
                  compact
                  label={`Let somebody else answer for ${person.name}`}
                  icon={IconUserShare}
                  reason={delegateReason(approval, person, missing, now)}
                  onClick={() => setFrom(person)}
                />
              )}
            </div>
            {person.comment && <p className={classes.comment}>{plainText(person.comment)}</p>}
          </li>
        ))}
      </ul>
      {from && <DelegateDialog approval={approval} from={from} onClose={() => setFrom(undefined)} />}
    </Panel>
  );
}

function Said({ person: { decision, at, cannot_answer: cannot } }: { person: Asked }) {
  if (!decision && cannot) {
    return <span className={classes.cannot}>{cannot}, and cannot answer</span>;
  }
  if (!decision) {
    return <span className="dim">has not answered</span>;
  }
  const { label, tone } = DECISION[decision];
  return (
    <>
      <Pill tone={tone}>{label}</Pill>
      <RelativeTime at={at} empty="" />
    </>
  );
}
