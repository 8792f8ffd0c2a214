import { Button, Group, Modal, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { type FormEvent, useMemo, useState } from "react";
import { api } from "~/api/client";
import { useIntent } from "~/api/intent";
import { answer, asProblem, problemsByField } from "~/api/problem";
import type { BindingCreate, User, UserCreate, UserUpdate } from "~/api/types";
import { leaveSession, sessionOptions, useSession } from "~/app/session";
import { ProblemAlert } from "~/ui/states";
import { toastDone } from "~/ui/toast";
import { organizationsOptions, userKey } from "./api";
import { BindingEditor } from "./BindingEditor";
import { userChanges } from "./rules";
import { places, scopeKey } from "./words";

const PASSWORD_RULE = "At least 12 characters.";

export function usePlaces(tenant: number) {
  const { data } = useQuery(organizationsOptions);
  return useMemo(() => places(tenant, data ?? []), [tenant, data]);
}

export function AddUserDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add a user" size="lg">
      <AddUserForm onClose={onClose} />
    </Modal>
  );
}

function AddUserForm({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const intent = useIntent();
  const all = usePlaces(useSession().user.tenant_id);
  const [username, setUsername] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [bindings, setBindings] = useState<BindingCreate[]>([]);
  const create = useMutation({
    mutationFn: (body: UserCreate) =>
      answer(api.POST("/api/v1/users", { body, headers: intent.headers(body) })),
    onSuccess: async (user) => {
      intent.done();
      await client.invalidateQueries({ queryKey: userKey });
      toastDone(`${user.username} can sign in now`);
      onClose();
    },
  });
  const { at, rest } = problemsByField(create.error ? asProblem(create.error).fields : [], [
    "username",
    "password",
    "display_name",
    "email",
  ]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({
      username: username.trim(),
      display_name: displayName.trim(),
      ...(email.trim() === "" ? {} : { email: email.trim() }),
      password,
      bindings,
    });
  };
  return (
    <form onSubmit={submit} onChange={() => create.error && create.reset()}>
      <Stack gap="md">
        {create.error && (rest.length > 0 || Object.keys(at).length === 0) ? (
          <ProblemAlert error={create.error} />
        ) : null}
        <TextInput
          label="User name"
          required
          data-autofocus
          autoComplete="off"
          value={username}
          error={at.username}
          onChange={(event) => setUsername(event.currentTarget.value)}
        />
        <TextInput
          label="Shown name"
          value={displayName}
          error={at.display_name}
          onChange={(event) => setDisplayName(event.currentTarget.value)}
        />
        <Email value={email} error={at.email} onChange={setEmail} />
        <PasswordInput
          label="Password"
          description={PASSWORD_RULE}
          required
          autoComplete="new-password"
          value={password}
          error={at.password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <BindingEditor
          places={all}
          bindings={bindings}
          onAdd={(binding) =>
            setBindings((before) =>
              before.some((one) => same(one, binding)) ? before : [...before, binding],
            )
          }
          onRemove={(index) => setBindings((before) => before.filter((_, other) => other !== index))}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Add user
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface EmailProps {
  value: string;
  error: string | undefined;
  onChange: (email: string) => void;
}

function Email({ value, error, onChange }: EmailProps) {
  return (
    <TextInput
      label="E-mail address"
      description="Where messages for them go, for example when they are asked for an approval."
      type="email"
      autoComplete="off"
      value={value}
      error={error}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** How somebody is called, and where messages for them go. */
export function EditUserDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const client = useQueryClient();
  const own = useSession().user.id === user.id;
  const [displayName, setDisplayName] = useState(user.display_name);
  const [email, setEmail] = useState(user.email ?? "");
  const save = useMutation({
    mutationFn: (body: UserUpdate) =>
      answer(api.PATCH("/api/v1/users/{id}", { params: { path: { id: user.id } }, body })),
    onSuccess: async ({ username }) => {
      onClose();
      toastDone(`${username} is saved`);
      await Promise.all([
        client.invalidateQueries({ queryKey: userKey }),
        // It says who is signed in, too.
        own ? client.invalidateQueries({ queryKey: sessionOptions.queryKey }) : undefined,
      ]);
    },
  });
  const { at, rest } = problemsByField(save.error ? asProblem(save.error).fields : [], [
    "display_name",
    "email",
  ]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(userChanges(user, { display_name: displayName, email }));
  };
  return (
    <Modal opened onClose={onClose} title={`Edit ${user.username}`} size="md">
      <form onSubmit={submit} onChange={() => save.error && save.reset()} noValidate>
        <Stack gap="md">
          {save.error && (rest.length > 0 || Object.keys(at).length === 0) ? (
            <ProblemAlert error={save.error} />
          ) : null}
          <TextInput
            label="Shown name"
            data-autofocus
            value={displayName}
            error={at.display_name}
            onChange={(event) => setDisplayName(event.currentTarget.value)}
          />
          <Email value={email} error={at.email} onChange={setEmail} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

const same = (a: BindingCreate, b: BindingCreate) =>
  a.role === b.role && scopeKey(a.scope) === scopeKey(b.scope);

export function RolesDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const client = useQueryClient();
  const intent = useIntent();
  const all = usePlaces(user.tenant_id);
  const { data = user } = useQuery({
    queryKey: [...userKey, "show", user.id],
    queryFn: () => answer(api.GET("/api/v1/users/{id}", { params: { path: { id: user.id } } })),
    initialData: user,
  });
  const change = useMutation({
    mutationFn: async (binding: BindingCreate | number) => {
      const path = { id: user.id };
      if (typeof binding === "number") {
        await answer(
          api.DELETE("/api/v1/users/{id}/bindings/{binding_id}", {
            params: { path: { ...path, binding_id: binding } },
          }),
        );
      } else {
        await answer(
          api.POST("/api/v1/users/{id}/bindings", {
            params: { path },
            body: binding,
            headers: intent.headers(binding),
          }),
        );
        intent.done();
      }
    },
    onSettled: () => client.invalidateQueries({ queryKey: userKey }),
  });
  return (
    <Modal opened onClose={onClose} title={`Roles of ${user.username}`} size="lg">
      <Stack gap="md">
        {change.error ? <ProblemAlert error={change.error} /> : null}
        <BindingEditor
          places={all}
          bindings={data.bindings}
          pending={change.isPending}
          onAdd={(binding) => change.mutate(binding)}
          onRemove={(index) => {
            const binding = data.bindings[index];
            if (binding) {
              change.mutate(binding.id);
            }
          }}
        />
        <Group justify="flex-end">
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

export function PasswordDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const client = useQueryClient();
  const [password, setPassword] = useState("");
  const save = useMutation({
    mutationFn: () =>
      answer(api.PATCH("/api/v1/users/{id}", { params: { path: { id: user.id } }, body: { password } })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: userKey });
      toastDone(`${user.username} has a new password`);
      onClose();
    },
  });
  const { at, rest } = problemsByField(save.error ? asProblem(save.error).fields : [], ["password"]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={`New password for ${user.username}`} size="md">
      <form onSubmit={submit} onChange={() => save.error && save.reset()}>
        <Stack gap="md">
          {save.error && (rest.length > 0 || !at.password) ? <ProblemAlert error={save.error} /> : null}
          <PasswordInput
            label="New password"
            description={`${PASSWORD_RULE} All sessions of this user end.`}
            required
            data-autofocus
            autoComplete="new-password"
            value={password}
            error={at.password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending}>
              Change password
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** Asks for the current password too: the browser may have been left open. */
export function OwnPasswordDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const router = useRouter();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const save = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/v1/session/password", { body: { current_password: current, new_password: password } }),
      ),
    onSuccess: async () => {
      const { href } = router.state.location;
      leaveSession(client);
      toastDone("Your password is changed: sign in with it");
      await router.navigate({ to: "/sign-in", search: { return: href } });
    },
  });
  const { at, rest } = problemsByField(save.error ? asProblem(save.error).fields : [], [
    "current_password",
    "new_password",
  ]);
  const placed = at.current_password || at.new_password;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title="New password" size="md">
      <form onSubmit={submit} onChange={() => save.error && save.reset()}>
        <Stack gap="md">
          {save.error && (rest.length > 0 || !placed) ? <ProblemAlert error={save.error} /> : null}
          <PasswordInput
            label="Current password"
            required
            data-autofocus
            autoComplete="current-password"
            value={current}
            error={at.current_password}
            onChange={(event) => setCurrent(event.currentTarget.value)}
          />
          <PasswordInput
            label="New password"
            description={`${PASSWORD_RULE} All your sessions end, this one too.`}
            required
            autoComplete="new-password"
            value={password}
            error={at.new_password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending}>
              Change password
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
