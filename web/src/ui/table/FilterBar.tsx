import {
  Button,
  Checkbox,
  CloseButton,
  Menu,
  Popover,
  Radio,
  Stack,
  TagsInput,
  TextInput,
} from "@mantine/core";
import { IconFilter } from "@tabler/icons-react";
import { useState } from "react";
import { dateTime } from "../format";
import classes from "./Toolbar.module.css";
import { filtersByField, setFilter } from "./urlState";

export interface FilterField {
  id: string;
  label: string;
  /** All values there are; without them the value is typed. */
  options?: { value: string; label: string }[];
  /** Only one of the options at a time. */
  single?: boolean;
  /** Values offered while typing. */
  suggestions?: string[];
  placeholder?: string;
  /** One point in time, chosen as the user's local time. */
  time?: boolean;
}

interface FilterBarProps {
  fields: FilterField[];
  filter: string[] | undefined;
  onChange: (filter: string[] | undefined) => void;
}

/** The active filters, each to be changed or removed, and a menu to add one. */
export function FilterBar({ fields, filter, onChange }: FilterBarProps) {
  const active = filtersByField(filter);
  const [adding, setAdding] = useState<string>();
  const ids = [...active.keys()];
  if (adding && !active.has(adding)) {
    ids.push(adding);
  }
  const known = ids.map((id) => fields.find((field) => field.id === id) ?? { id, label: id });
  const free = fields.filter((field) => !active.has(field.id));
  if (fields.length === 0 && active.size === 0) {
    return null;
  }
  return (
    <>
      {known.map((field) => (
        <FilterChip
          key={field.id}
          field={field}
          values={active.get(field.id) ?? []}
          startOpen={field.id === adding}
          onChange={(values) => onChange(setFilter(filter, field.id, values))}
          onClose={() => setAdding(undefined)}
        />
      ))}
      <Menu position="bottom-start" returnFocus={false}>
        <Menu.Target>
          <Button
            variant="default"
            leftSection={<IconFilter size={15} stroke={1.75} aria-hidden />}
            disabled={free.length === 0}
          >
            Filter
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Show only rows by</Menu.Label>
          {free.map((field) => (
            <Menu.Item key={field.id} onClick={() => setAdding(field.id)}>
              {field.label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {active.size > 1 && (
        <Button variant="subtle" onClick={() => onChange(undefined)}>
          Clear filters
        </Button>
      )}
    </>
  );
}

interface FilterChipProps {
  field: FilterField;
  values: string[];
  startOpen: boolean;
  onChange: (values: string[]) => void;
  onClose: () => void;
}

function FilterChip({ field, values, startOpen, onChange, onClose }: FilterChipProps) {
  const [opened, setOpened] = useState(startOpen);
  const labels = values.map(
    (value) =>
      field.options?.find((option) => option.value === value)?.label ??
      (field.time ? dateTime(value) : value),
  );
  const close = () => {
    setOpened(false);
    onClose();
  };
  return (
    <Popover
      opened={opened}
      onChange={(next) => (next ? setOpened(true) : close())}
      position="bottom-start"
      width={260}
      trapFocus
      returnFocus
    >
      <span className={classes.chip}>
        <Popover.Target>
          <button
            type="button"
            className={classes.chipText}
            onClick={() => (opened ? close() : setOpened(true))}
          >
            <span className={classes.chipField}>{field.label}</span>
            {labels.length > 0 ? labels.join(" or ") : "…"}
          </button>
        </Popover.Target>
        <CloseButton
          size="xs"
          aria-label={`Remove filter ${field.label}`}
          onClick={() => {
            onChange([]);
            close();
          }}
        />
      </span>
      <Popover.Dropdown>
        {field.time ? (
          <TextInput
            size="xs"
            type="datetime-local"
            step={1}
            label={field.label}
            defaultValue={values[0] ? dateTime(values[0]).replace(" ", "T") : ""}
            onChange={(event) => {
              const at = new Date(event.currentTarget.value);
              onChange(Number.isNaN(at.getTime()) ? [] : [at.toISOString()]);
            }}
            data-autofocus
          />
        ) : field.options && field.single ? (
          <Radio.Group value={values[0] ?? ""} onChange={(value) => onChange([value])} label={field.label}>
            <Stack gap="xs" mt="xs">
              {field.options.map((option) => (
                <Radio key={option.value} size="xs" value={option.value} label={option.label} />
              ))}
            </Stack>
          </Radio.Group>
        ) : field.options ? (
          <Checkbox.Group value={values} onChange={onChange} label={field.label}>
            <Stack gap="xs" mt="xs">
              {field.options.map((option) => (
                <Checkbox key={option.value} size="xs" value={option.value} label={option.label} />
              ))}
              {field.options.length === 0 && <span className="dim">There are no values.</span>}
            </Stack>
          </Checkbox.Group>
        ) : (
          <TagsInput
            size="xs"
            label={field.label}
            description="Any of these; Enter adds one"
            placeholder={field.placeholder}
            value={values}
            onChange={onChange}
            data={field.suggestions ?? []}
            splitChars={[","]}
            acceptValueOnBlur
            comboboxProps={{ withinPortal: false }}
            data-autofocus
          />
        )}
      </Popover.Dropdown>
    </Popover>
  );
}
