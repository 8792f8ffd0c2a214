import { Select } from "@mantine/core";
import { useMemo } from "react";
import { viewerZone, zoneNames } from "./zones";

interface ZonePickerProps {
  value: string;
  onChange: (zone: string) => void;
  error?: string | undefined;
  description?: string;
}

const OFFERED = 100;

/** A time zone by any part of its name. */
export function ZonePicker({ value, onChange, error, description }: ZonePickerProps) {
  const names = useMemo(() => zoneNames([viewerZone(), value]), [value]);
  return (
    <Select
      label="Time zone"
      description={description}
      inputWrapperOrder={["label", "input", "description", "error"]}
      searchable
      required
      allowDeselect={false}
      limit={OFFERED}
      maxDropdownHeight={260}
      data={names}
      value={value}
      error={error}
      nothingFoundMessage="No time zone has this in its name"
      onChange={(zone) => zone && onChange(zone)}
    />
  );
}
