import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { organizationsOptions } from "~/rooms/identity/api";

interface PlaceFieldsProps {
  organization: number | undefined;
  department: number | undefined;
  onChange: (organization: number | undefined, department: number | undefined) => void;
  errors: { organization?: string | undefined; department?: string | undefined };
  /** It may belong to no organization, and then to the whole tenant. */
  tenantWide?: boolean;
}

/** Where something belongs: an organization, and a department in it if wanted. */
export function PlaceFields({ organization, department, onChange, errors, tenantWide }: PlaceFieldsProps) {
  const { data: organizations = [], isPending } = useQuery(organizationsOptions);
  const named = organizations.find((one) => one.id === organization);
  const chosen = named ?? (tenantWide ? undefined : organizations[0]);
  return (
    <>
      <NativeSelect
        label="Organization"
        value={chosen ? String(chosen.id) : ""}
        disabled={isPending}
        error={errors.organization}
        onChange={(event) => onChange(Number(event.currentTarget.value) || undefined, undefined)}
        data={[
          ...(tenantWide ? [{ value: "", label: "None: the whole tenant" }] : []),
          ...organizations.map((one) => ({ value: String(one.id), label: one.name })),
        ]}
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
