import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMissing } from "~/app/session";
import { calendarsOptions } from "../api";
import classes from "../when/when.module.css";

interface CalendarSelectProps {
  /** Id of the calendar; empty for none. */
  value: string;
  onChange: (value: string) => void;
  /** What a blackout does. */
  help: string;
  error: string | undefined;
}

/** Which calendar something goes by. */
export function CalendarSelect({ value, onChange, help, error }: CalendarSelectProps) {
  const reason = useMissing()("jobs.view");
  const { data } = useQuery({ ...calendarsOptions, enabled: reason === undefined });
  const calendars = data ?? [];
  const known = calendars.some(({ id }) => String(id) === value);
  return (
    <NativeSelect
      inputWrapperOrder={["label", "input", "description", "error"]}
      label="Blackout calendar"
      description={
        reason ??
        (data?.length === 0 ? (
          <>
            There are no calendars yet. They are made under{" "}
            <Link to="/calendars" className={classes.inline}>
              Calendars
            </Link>
            .
          </>
        ) : (
          help
        ))
      }
      value={value}
      error={error}
      data={[
        { value: "", label: "None" },
        ...(value === "" || known ? [] : [{ value, label: `Calendar ${value}` }]),
        ...calendars.map(({ id, name }) => ({ value: String(id), label: name })),
      ]}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
