import { ActionIcon, Button } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import classes from "./MonthGrid.module.css";
import { addDays, addMonths, dayWords, monthOf, monthWords, WEEKDAYS, weekdayOf, weeksOf } from "./month";

export interface DayMarks {
  /** Behind the number: all of the day, or a part of it. */
  shade?: "whole" | "part" | undefined;
  /** Below the number, to be seen. */
  marks?: ReactNode;
  /** The same in words, to be heard. */
  words: string;
}

interface MonthGridProps {
  label: string;
  /** `2026-12` */
  month: string;
  /** The chosen day, in this month or not. */
  day: string | undefined;
  today: string;
  marksOf: (day: string) => DayMarks | undefined;
  onMonth: (month: string) => void;
  /** A day may lie in a month beside: then that is to be shown. */
  onDay: (day: string) => void;
}

/**
 * A month by weeks. One day can be reached by Tab; arrows go on from it, also into the months beside, Home and End to
 * the ends of the week, Page Up and Page Down by a month.
 */
export function MonthGrid({ label, month, day, today, marksOf, onMonth, onDay }: MonthGridProps) {
  const grid = useRef<HTMLTableElement>(null);
  // Set by a key: the day that is to have the focus once its month is drawn.
  const wanted = useRef<string>(undefined);
  const entry = day && monthOf(day) === month ? day : monthOf(today) === month ? today : `${month}-01`;

  useEffect(() => {
    if (wanted.current && monthOf(wanted.current) === month) {
      grid.current?.querySelector<HTMLElement>(`[data-day="${wanted.current}"]`)?.focus();
      wanted.current = undefined;
    }
  });

  const onKeyDown = (event: KeyboardEvent, from: string) => {
    const to = step(event.key, from);
    if (!to || event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    event.preventDefault();
    wanted.current = to;
    onDay(to);
  };

  return (
    <div className={classes.frame}>
      <div className={classes.head}>
        <ActionIcon
          variant="default"
          aria-label="Previous month"
          onClick={() => onMonth(addMonths(month, -1))}
        >
          <IconChevronLeft size={16} aria-hidden />
        </ActionIcon>
        <span className={classes.month} role="status">
          {monthWords(month)}
        </span>
        <ActionIcon variant="default" aria-label="Next month" onClick={() => onMonth(addMonths(month, 1))}>
          <IconChevronRight size={16} aria-hidden />
        </ActionIcon>
        <Button variant="subtle" size="compact-xs" onClick={() => onDay(today)}>
          Today
        </Button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: arrow keys move in it, which makes it a grid (ARIA practices) */}
      <table ref={grid} className={classes.grid} role="grid" aria-label={`${label}, ${monthWords(month)}`}>
        <thead>
          <tr>
            {WEEKDAYS.map((name) => (
              <th key={name} scope="col" abbr={name}>
                {name.slice(0, 3)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeksOf(month).map((week) => (
            <tr key={week[0]}>
              {week.map((one) => {
                const found = marksOf(one);
                return (
                  // biome-ignore lint/a11y/useAriaPropsSupportedByRole: a cell of a grid has the role gridcell
                  <td key={one} aria-selected={one === day} data-shade={found?.shade}>
                    <button
                      type="button"
                      className={classes.day}
                      data-day={one}
                      data-beside={monthOf(one) !== month || undefined}
                      data-chosen={one === day || undefined}
                      aria-current={one === today ? "date" : undefined}
                      tabIndex={one === entry ? 0 : -1}
                      onClick={() => onDay(one)}
                      onKeyDown={(event) => onKeyDown(event, one)}
                    >
                      <span className="visually-hidden">
                        {[dayWords(one), found?.words].filter(Boolean).join(": ")}
                      </span>
                      <span className={classes.number} aria-hidden>
                        {Number(one.slice(8))}
                      </span>
                      {found?.marks && (
                        <span className={classes.marks} aria-hidden>
                          {found.marks}
                        </span>
                      )}
                    </button>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function step(key: string, from: string): string | undefined {
  switch (key) {
    case "ArrowLeft":
      return addDays(from, -1);
    case "ArrowRight":
      return addDays(from, 1);
    case "ArrowUp":
      return addDays(from, -7);
    case "ArrowDown":
      return addDays(from, 7);
    case "Home":
      return addDays(from, -weekdayOf(from));
    case "End":
      return addDays(from, 6 - weekdayOf(from));
    case "PageUp":
      return sameDay(from, -1);
    case "PageDown":
      return sameDay(from, 1);
    default:
      return undefined;
  }
}

/** The same day of another month, or its last where it is shorter. */
function sameDay(from: string, months: number): string {
  const month = addMonths(monthOf(from), months);
  const last = addDays(`${addMonths(month, 1)}-01`, -1);
  const day = `${month}-${from.slice(8)}`;
  return day < last ? day : last;
}
