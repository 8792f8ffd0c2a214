import { Textarea, TextInput } from "@mantine/core";
import { PlaceFields } from "~/rooms/agents/PlaceFields";

interface Named {
  name: string;
  description: string;
  organization: number | undefined;
  department: number | undefined;
}

interface NameFieldsProps {
  draft: Named;
  onChange: (part: Partial<Named>) => void;
  /** By field, as the server names them. */
  errors: Partial<Record<string, string>>;
  /** Where something belongs is said once, when it is made. */
  isNew: boolean;
}

/** What saved work is called, and where it belongs. */
export function NameFields({ draft, onChange, errors, isNew }: NameFieldsProps) {
  return (
    <>
      <TextInput
        label="Name"
        description="Letters, digits, dot, dash and underscore."
        inputWrapperOrder={["label", "input", "description", "error"]}
        required
        autoComplete="off"
        value={draft.name}
        error={errors["name"]}
        onChange={(event) => onChange({ name: event.currentTarget.value })}
      />
      <Textarea
        label="Description"
        autosize
        minRows={1}
        maxRows={6}
        value={draft.description}
        error={errors["description"]}
        onChange={(event) => onChange({ description: event.currentTarget.value })}
      />
      {isNew && (
        <PlaceFields
          tenantWide
          organization={draft.organization}
          department={draft.department}
          errors={{ organization: errors["organization_id"], department: errors["department_id"] }}
          onChange={(organization, department) => onChange({ organization, department })}
        />
      )}
    </>
  );
}
