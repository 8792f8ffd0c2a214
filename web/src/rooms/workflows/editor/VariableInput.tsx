import { Popover, Textarea, TextInput } from "@mantine/core";
import { type KeyboardEvent, useId, useLayoutEffect, useRef, useState } from "react";
import { askedAt, chosen, offered, type TextKind } from "./completion";
import classes from "./editor.module.css";

interface VariableInputProps {
  label: string;
  /** The label is only heard. */
  quiet?: boolean;
  value: string;
  onChange: (value: string) => void;
  kind: TextKind | undefined;
  variables: readonly string[];
  lines?: number | undefined;
  mono?: boolean | undefined;
  help?: string | undefined;
  placeholder?: string | undefined;
  required?: boolean | undefined;
  error?: string | undefined;
}

/**
 * A text that may hold variables. Two braces, or a word in a condition, offer what can have a value at that point;
 * arrow keys choose, Enter or Tab takes it, Escape goes on without.
 */
export function VariableInput(props: VariableInputProps) {
  const {
    label,
    quiet,
    value,
    onChange,
    kind,
    variables,
    lines = 1,
    mono,
    help,
    placeholder,
    required,
    error,
  } = props;
  const input = useRef<HTMLTextAreaElement & HTMLInputElement>(null);
  const list = useId();
  const [cursor, setCursor] = useState<{ at: number; wanted: boolean }>();
  const [index, setIndex] = useState(0);
  const put = useRef<number>(undefined);
  const asked = kind && cursor ? askedAt(value, cursor.at, kind, cursor.wanted) : undefined;
  const offers = asked ? offered(variables, asked) : [];
  const current = Math.min(index, offers.length - 1);
  const option = (number: number) => `${list}-${number}`;

  useLayoutEffect(() => {
    if (put.current !== undefined) {
      input.current?.setSelectionRange(put.current, put.current);
      put.current = undefined;
    }
  });

  const look = (wanted = false) => {
    const at = input.current?.selectionStart;
    setCursor(typeof at === "number" ? { at, wanted } : undefined);
    setIndex(0);
  };
  const take = (path: string | undefined) => {
    if (asked && path !== undefined) {
      const after = chosen(value, asked, path);
      put.current = after.cursor;
      setCursor(undefined);
      onChange(after.text);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      look(true);
    } else if (offers.length > 0) {
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      if (step !== 0) {
        event.preventDefault();
        setIndex((current + step + offers.length) % offers.length);
      } else if (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey)) {
        event.preventDefault();
        take(offers[current]);
      } else if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        setCursor(undefined);
      }
    }
  };

  const shared = {
    ref: input,
    label: quiet ? undefined : label,
    "aria-label": quiet ? label : undefined,
    description: help,
    placeholder,
    required,
    error,
    className: mono ? classes.mono : undefined,
    spellCheck: false,
    autoComplete: "off",
    autoCapitalize: "off",
    inputWrapperOrder: ["label", "input", "description", "error"] as (
      | "label"
      | "input"
      | "description"
      | "error"
    )[],
    value,
    "aria-autocomplete": kind ? ("list" as const) : undefined,
    "aria-controls": offers.length > 0 ? list : undefined,
    "aria-activedescendant": offers.length > 0 ? option(current) : undefined,
    onChange: (event: { currentTarget: { value: string } }) => {
      onChange(event.currentTarget.value);
      look();
    },
    onKeyDown,
    onBlur: () => setCursor(undefined),
  };
  return (
    <Popover
      opened={offers.length > 0}
      position="bottom-start"
      width="target"
      withRoles={false}
      trapFocus={false}
      returnFocus={false}
      withinPortal
    >
      <Popover.Target>
        <div>
          {lines > 1 ? (
            <Textarea {...shared} size="xs" autosize minRows={lines} maxRows={14} />
          ) : (
            <TextInput {...shared} size="xs" />
          )}
        </div>
      </Popover.Target>
      <Popover.Dropdown className={classes.offers}>
        <div role="listbox" id={list} aria-label={`Variables for ${label}`}>
          {offers.map((path, number) => (
            <div
              key={path}
              id={option(number)}
              role="option"
              tabIndex={-1}
              aria-selected={number === current}
              ref={(element) => {
                if (number === current) {
                  element?.scrollIntoView?.({ block: "nearest" });
                }
              }}
              className={classes.offer}
              onMouseDown={(event) => {
                event.preventDefault();
                take(path);
              }}
            >
              {path}
            </div>
          ))}
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
