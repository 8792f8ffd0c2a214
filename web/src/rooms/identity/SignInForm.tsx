import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { api } from "~/api/client";
import { answer, asProblem } from "~/api/problem";
import type { Session } from "~/api/types";
import { Logo } from "~/app/Logo";
import { useNow } from "~/ui/now";
import { ProblemAlert } from "~/ui/states";
import classes from "./SignInForm.module.css";

interface SignInFormProps {
  title: string;
  /** Of whom it is known who should sign in. */
  username?: string;
  /** Until something was tried. */
  notice?: ReactNode;
  onSignedIn: (session: Session) => Promise<void> | void;
  /** Other ways to go on. */
  children?: ReactNode;
}

export function SignInForm({ title, username: known = "", notice, onSignedIn, children }: SignInFormProps) {
  const [username, setUsername] = useState(known);
  const [password, setPassword] = useState("");
  const signIn = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/session", { body: { username: username.trim(), password } })),
    onSuccess: onSignedIn,
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
    <form className={classes.card} onSubmit={submit} aria-labelledby="sign-in">
      <div className={classes.brand}>
        <Logo large />
      </div>
      <h1 id="sign-in" className={classes.title}>
        {title}
      </h1>
      <Stack gap="sm">
        {!signIn.error && notice}
        {signIn.error ? <ProblemAlert error={signIn.error} /> : null}
        <TextInput
          label="User name"
          name="username"
          autoComplete="username"
          autoFocus={known === ""}
          required
          withAsterisk={false}
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
        />
        <PasswordInput
          label="Password"
          name="password"
          autoComplete="current-password"
          autoFocus={known !== ""}
          required
          withAsterisk={false}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <Button type="submit" size="sm" fullWidth loading={signIn.isPending} disabled={wait > 0}>
          {wait > 0 ? `Wait ${wait} s` : "Sign in"}
        </Button>
        {children}
      </Stack>
    </form>
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
