import { MultiSelect } from "@mantine/core";
import { ROLE, ROLES } from "~/rooms/identity/words";
import { useUserNames } from "./useUserNames";
import { runnerWords } from "./words";

interface RunnersFieldProps {
  runners: string[];
  onChange: (runners: string[]) => void;
  error: string | undefined;
}

/** Roles and users who may run it, beside their right to run jobs on its hosts. */
export function RunnersField({ runners, onChange, error }: RunnersFieldProps) {
  const users = useUserNames();
  const known = [...users].map(([id, name]) => ({ value: `user:${id}`, label: name }));
  const others = runners
    .filter((runner) => runner.startsWith("user:") && !known.some(({ value }) => value === runner))
    .map((value) => ({ value, label: runnerWords(value, users) }));
  return (
    <MultiSelect
      label="Who may run it"
      description="Roles and users. On each host they need the right to run jobs as well."
      placeholder={runners.length === 0 ? "Everybody who may run jobs on its hosts" : undefined}
      searchable
      clearable
      hidePickedOptions
      maxDropdownHeight={280}
      data={[
        {
          group: "Roles",
          items: ROLES.map((role) => ({ value: `role:${role}`, label: `${ROLE[role]} (role)` })),
        },
        { group: "Users", items: [...known, ...others] },
      ]}
      value={runners}
      error={error}
      onChange={onChange}
    />
  );
}
