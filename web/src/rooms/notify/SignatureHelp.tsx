import { CopyField } from "~/ui/CopyField";
import { Panel } from "~/ui/Page";
import classes from "./notify.module.css";

const EXAMPLE = `import base64, hashlib, hmac

def is_genuine(secret, headers, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f'{headers["webhook-id"]}.{headers["webhook-timestamp"]}.'.encode() + body
    ours = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(f"v1,{ours}", theirs)
               for theirs in headers["webhook-signature"].split(" "))
`;

/** For whoever writes what receives messages. */
export function SignatureHelp() {
  return (
    <Panel title="How a receiver tells that a message comes from here">
      <ol className={classes.steps}>
        <li>
          Join the headers <code>webhook-id</code> and <code>webhook-timestamp</code> and the body as it came,
          with a dot between them.
        </li>
        <li>
          Make the HMAC-SHA256 of that with the secret: what stands behind <code>whsec_</code>, decoded from
          Base64.
        </li>
        <li>
          Compare its Base64 with what stands behind <code>v1,</code> in <code>webhook-signature</code>, and
          refuse what is older than five minutes.
        </li>
        <li>
          Answer with a status of 200 to 299. A message that is tried again has the same{" "}
          <code>webhook-id</code>, by which a receiver knows what it has seen already.
        </li>
      </ol>
      <CopyField label="In Python" value={EXAMPLE} />
    </Panel>
  );
}
