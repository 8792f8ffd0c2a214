import { CloseButton, Kbd, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import classes from "./Toolbar.module.css";

const WAIT_MS = 250;

interface SearchFieldProps {
  label: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}

/** Search as you type; `/` anywhere on the page comes here, Escape clears it. */
export function SearchField({ label, value = "", onChange }: SearchFieldProps) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const [reported, setReported] = useState(value);
  if (value !== reported) {
    // The URL changed from elsewhere: the back button, a cleared filter.
    setReported(value);
    setText(value);
  }

  const report = useRef(onChange);
  report.current = onChange;
  useEffect(() => {
    if (text === reported) {
      return;
    }
    const timer = setTimeout(() => {
      setReported(text);
      report.current(text || undefined);
    }, WAIT_MS);
    return () => clearTimeout(timer);
  }, [text, reported]);

  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target)) {
        event.preventDefault();
        input.current?.focus();
        input.current?.select();
      }
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);

  return (
    <TextInput
      ref={input}
      className={classes.search}
      size="xs"
      type="search"
      aria-label={label}
      placeholder={label}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === "Escape" && text !== "") {
          event.preventDefault();
          setText("");
        }
      }}
      leftSection={<IconSearch size={15} aria-hidden />}
      rightSection={
        text === "" ? (
          <Kbd size="xs" aria-hidden>
            /
          </Kbd>
        ) : (
          <CloseButton size="xs" aria-label="Clear search" onClick={() => setText("")} />
        )
      }
    />
  );
}

function isTyping(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return element?.closest?.("input, textarea, select, [contenteditable=true], [role=dialog]") != null;
}
