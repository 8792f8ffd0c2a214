import { Alert } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { ColorSchemeMenu } from "~/app/ColorSchemeMenu";
import { safeReturn } from "~/app/returnTo";
import { enterSession } from "~/app/session";
import { useSessionWatch } from "~/app/sessionWatch";
import { SignInForm } from "./SignInForm";
import classes from "./SignInPage.module.css";

const route = getRouteApi("/sign-in");

export function SignInPage() {
  const search = route.useSearch();
  const client = useQueryClient();
  const router = useRouter();
  const watch = useSessionWatch();
  useEffect(() => {
    document.title = "Sign in – Postern";
  }, []);
  return (
    <main className={classes.page}>
      <SignInForm
        title="Sign in"
        notice={
          search.ended && (
            <Alert color="petrol" variant="light" icon={<IconInfoCircle aria-hidden />}>
              Your session has ended. Sign in again to go on where you were.
            </Alert>
          )
        }
        onSignedIn={async (session) => {
          enterSession(client, session);
          watch.tell();
          await router.invalidate();
          router.history.push(safeReturn(search.return));
        }}
      />
      <div className={classes.scheme}>
        <ColorSchemeMenu />
      </div>
    </main>
  );
}
