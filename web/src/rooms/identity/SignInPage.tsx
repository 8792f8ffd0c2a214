import { Alert, Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { api } from "~/api/client";
import { answer, asProblem } from "~/api/problem";
import { ColorSchemeMenu } from "~/app/ColorSchemeMenu";
import { Logo } from "~/app/Logo";
import { safeReturn } from "~/app/returnTo";
import { enterSession } from "~/app/session";
import { useNow } from "~/ui/now";
import { ProblemAlert } from "~/ui/states";
import classes from "./SignInPage.module.css";

const route = getRouteApi("/sign-in");

export function SignInPage() {
  const search = route.useSearch();
  const client = useQueryClient();
  const router = useRouter();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  useEffect(() => {
    document.title = "Sign in – Postern";
  }, []);

  const signIn = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/session", { body: { username: username.trim(), password } })),
    onSuccess: async (session) => {
      enterSession(client, session);
      await router.invalidate();
      router.history.push(safeReturn(search.return));
    },
    onError: () => setPassword(""),
  });
  const wait = useRetryWait(signIn.error);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (username.trim() !== "" && password !== "" && !wait) {
      signIn.mutate();
    }
  };

  return (
    <main className={classes.page}>
      <form className={classes.card} onSubmit={submit} aria-labelledby="sign-in">
        <div className={classes.brand}>
          <Logo large />
        </div>
        <h1 id="sign-in" className={classes.title}>
          Sign in
        </h1>
        <Stack gap="sm">
          {search.ended && !signIn.error && (
            <Alert color="petrol" variant="light" icon={<IconInfoCircle aria-hidden />}>
              Your session has ended. Sign in again to go on where you were.
            </Alert>
          )}
          {signIn.error ? <ProblemAlert error={signIn.error} /> : null}
          <TextInput
            label="User name"
            name="username"
            autoComplete="username"
            autoFocus
            required
            withAsterisk={false}
            value={username}
            onChange={(event) => setUsername(event.currentTarget.value)}
          />
          <PasswordInput
            label="Password"
            name="password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <Button type="submit" size="sm" fullWidth loading={signIn.isPending} disabled={wait > 0}>
            {wait > 0 ? `Wait ${wait} s` : "Sign in"}
          </Button>
        </Stack>
      </form>
      <div className={classes.scheme}>
        <ColorSchemeMenu />
      </div>
    </main>
  );
}

/** Seconds until the server takes another try, when it asked to wait. */
function useRetryWait(error: unknown): number {
  const now = useNow();
  const [until, setUntil] = useState(0);
  useEffect(() => {
    const seconds = error ? asProblem(error).problem.retry_after_seconds : undefined;
    setUntil(seconds ? Date.now() + seconds * 1_000 : 0);
  }, [error]);
  return Math.max(0, Math.ceil((until - now) / 1_000));
}
