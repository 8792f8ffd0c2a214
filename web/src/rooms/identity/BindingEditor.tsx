import { ActionIcon, Button, NativeSelect } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import type { BindingCreate, Role } from "~/api/types";
import classes from "./BindingEditor.module.css";
import { bindableAt, type Place, ROLE, ROLES, scopeKey, scopeText } from "./words";

interface BindingEditorProps {
  places: Place[];
  bindings: (BindingCreate & { id?: number })[];
  pending?: boolean;
  onAdd: (binding: BindingCreate) => void;
  onRemove: (index: number) => void;
}

/** Roles at places: the ones there are, and one to add. */
export function BindingEditor({ places, bindings, pending, onAdd, onRemove }: BindingEditorProps) {
  const [role, setRole] = useState<Role>("operator");
  const [place, setPlace] = useState("");
  const possible = places.filter((candidate) => bindableAt(role, candidate.scope));
  const chosen = possible.find((candidate) => scopeKey(candidate.scope) === place) ?? possible[0];
  return (
    <div>
      <ul className={classes.bindings} aria-label="Roles">
        {bindings.map((binding, index) => (
          <li key={binding.id ?? `${binding.role} ${scopeKey(binding.scope)}`}>
            <span>
              <strong>{ROLE[binding.role]}</strong> <span className="dim">at</span>{" "}
              {scopeText(binding.scope, places)}
            </span>
            <ActionIcon
              variant="subtle"
              color="gray"
              disabled={pending}
              aria-label={`Take away ${ROLE[binding.role]} at ${scopeText(binding.scope, places)}`}
              onClick={() => onRemove(index)}
            >
              <IconTrash size={15} stroke={1.75} aria-hidden />
            </ActionIcon>
          </li>
        ))}
        {bindings.length === 0 && <li className="dim">No role: nothing can be seen or done.</li>}
      </ul>
      <div className={classes.add}>
        <NativeSelect
          size="xs"
          label="Role"
          value={role}
          onChange={(event) => setRole(ROLES.find((one) => one === event.currentTarget.value) ?? role)}
          data={ROLES.map((one) => ({ value: one, label: ROLE[one] }))}
        />
        <NativeSelect
          size="xs"
          label="At"
          value={chosen ? scopeKey(chosen.scope) : ""}
          onChange={(event) => setPlace(event.currentTarget.value)}
          data={possible.map((one) => ({ value: scopeKey(one.scope), label: one.label }))}
        />
        <Button
          variant="default"
          loading={pending}
          disabled={!chosen}
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => chosen && onAdd({ role, scope: chosen.scope })}
        >
          Give role
        </Button>
      </div>
    </div>
  );
}
