import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { organizationsOptions } from "~/rooms/identity/api";

interface PlaceFieldsProps {
  organization: number | undefined;
  department: number | undefined;
  onChange: (organization: number | undefined, department: number | undefined) => void;
  errors: { organization?: string; department?: string };
}

/** Where an agent belongs: an organization, and a department in it if wanted. */
export function PlaceFields({ organization, department, onChange, errors }: PlaceFieldsProps) {
  const { data: organizations = [], isPending } = useQuery(organizationsOptions);
  const chosen = organizations.find((one) => one.id === organization) ?? organizations[0];
  return (
    <>
      <NativeSelect
        label="Organization"
        value={chosen ? String(chosen.id) : ""}
        disabled={isPending}
        error={errors.organization}
        onChange={(event) => onChange(Number(event.currentTarget.value), undefined)}
        data={organizations.map((one) => ({ value: String(one.id), label: one.name }))}
      />
      <NativeSelect
        label="Department"
        value={department ? String(department) : ""}
        error={errors.department}
        disabled={!chosen || chosen.departments.length === 0}
        description={
          chosen && chosen.departments.length === 0 ? "This organization has no departments" : undefined
        }
        onChange={(event) => onChange(chosen?.id, Number(event.currentTarget.value) || undefined)}
        data={[
          { value: "", label: "None" },
          ...(chosen?.departments ?? []).map((one) => ({ value: String(one.id), label: one.name })),
        ]}
      />
    </>
  );
}
