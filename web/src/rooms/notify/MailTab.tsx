import { Button, TextInput } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "~/api/client";
import { answer, asProblem } from "~/api/problem";
import { useMissing, useSession } from "~/app/session";
import { ActionButton } from "~/ui/ActionButton";
import { Notice } from "~/ui/Notice";
import { Panel } from "~/ui/Page";
import { plainText } from "~/ui/plainText";
import { ErrorState, LoadingLines, ProblemAlert } from "~/ui/states";
import { deliveryKey, mailOptions } from "./api";
import classes from "./notify.module.css";
import { mailTestReason } from "./rules";

/** Whether e-mail can be sent, and a try. */
export function MailTab({ onSent }: { onSent: (delivery: number) => void }) {
  const client = useQueryClient();
  const { user } = useSession();
  const missing = useMissing();
  const query = useQuery(mailOptions);
  const [to, setTo] = useState(user.email ?? "");
  const test = useMutation({
    mutationFn: (address: string) => answer(api.POST("/api/v1/mail/test", { body: { to: address } })),
    onSuccess: async ({ id }) => {
      onSent(id);
      await client.invalidateQueries({ queryKey: deliveryKey });
    },
  });
  const mail = query.data;
  const reason = mailTestReason(mail, missing);
  const wrong = test.error
    ? asProblem(test.error).fields.find(({ field }) => field === "to")?.message
    : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason === undefined) {
      test.mutate(to.trim());
    }
  };
  if (!mail) {
    return query.error ? (
      <ErrorState error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <LoadingLines lines={3} />
    );
  }
  return (
    <>
      {mail.configured ? (
        <Notice tone="good" role="status" title="E-mail is configured">
          Messages come from {plainText(mail.from ?? "the server")}. Who is asked for an approval and has an
          address gets one; addresses stand beside the users.
        </Notice>
      ) : (
        <Notice tone="warn" role="status" title="E-mail is not configured">
          Nobody gets an e-mail. Set <code>POSTERN_SMTP_URL</code>, for example{" "}
          <code>smtps://user:password@mail.example.com</code>, and <code>POSTERN_SMTP_FROM</code> for the
          server, and start it again.
        </Notice>
      )}
      <Panel title="Send a test">
        <form onSubmit={submit} className={classes.test}>
          <TextInput
            label="To"
            type="email"
            autoComplete="email"
            required
            value={to}
            error={wrong}
            onChange={(event) => {
              setTo(event.currentTarget.value);
              if (test.error) {
                test.reset();
              }
            }}
          />
          {reason === undefined ? (
            <Button type="submit" loading={test.isPending} leftSection={<IconSend size={15} aria-hidden />}>
              Send
            </Button>
          ) : (
            <ActionButton label="Send" icon={IconSend} reason={reason} onClick={() => {}} />
          )}
        </form>
        {reason && <p className={classes.note}>{reason}.</p>}
        {test.error && wrong === undefined ? <ProblemAlert error={test.error} /> : null}
      </Panel>
    </>
  );
}
