import { Alert, Button } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useLayoutEffect, useRef } from "react";
import { SignInForm } from "~/rooms/identity/SignInForm";
import classes from "./SignedOut.module.css";
import { type Lost, useLost, useSessionWatch } from "./sessionWatch";

/** Covers a page with something unsaved when the session has ended, and signs in in place. */
export function SignedOut() {
  const lost = useLost();
  return lost && <Cover lost={lost} />;
}

function Cover({ lost: { user, other } }: { lost: Lost }) {
  const watch = useSessionWatch();
  const dialog = useRef<HTMLDialogElement>(null);
  const form = other?.user.id;
  useLayoutEffect(() => {
    const element = dialog.current;
    // Nothing of the page can be read or reached below it, not even its dialogs.
    element?.showModal();
    return () => element?.close();
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new form begins at its password
  useLayoutEffect(() => dialog.current?.querySelector<HTMLElement>("[type=password]")?.focus(), [form]);
  return (
    <dialog
      ref={dialog}
      className={classes.cover}
      aria-labelledby="sign-in"
      tabIndex={-1}
      // It stays when Escape is pressed, and so do the dialogs below it: Mantine asks the element that has the focus.
      onCancel={(event) => event.preventDefault()}
      // Some browsers close it all the same.
      onClose={() => dialog.current?.showModal()}
      onKeyDown={(event) => event.key === "Escape" && event.preventDefault()}
      onFocus={({ target }) => target.setAttribute("data-mantine-stop-propagation", "true")}
    >
      <SignInForm
        key={form}
        title={other ? `${other.user.username} is signed in now` : "You were signed out"}
        username={user.username}
        notice={
          <Alert color="petrol" variant="light" icon={<IconInfoCircle aria-hidden />}>
            What you have not saved is still here. Sign in as {user.username} to go on.
          </Alert>
        }
        onSignedIn={(session) => watch.signedIn(session)}
      >
        <Button variant="subtle" color="red" size="xs" onClick={() => watch.drop()}>
          {other ? `Drop it, and go on as ${other.user.username}` : "Drop it, and leave"}
        </Button>
      </SignInForm>
    </dialog>
  );
}
