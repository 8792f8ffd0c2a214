import { IconCheck, IconClock, IconMinus, IconX, type TablerIcon } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Calendar, Schedule } from "~/api/types";
import { MonthGrid } from "~/ui/MonthGrid";
import { dayWords, isDay, isMonth, monthOf } from "~/ui/month";
import { useNow } from "~/ui/now";
import { Panel } from "~/ui/Page";
import { calendarOptions, newestTicksOptions } from "./api";
import { blackoutOf, countWords, type Day, daysOf, type Mark } from "./days";
import classes from "./SchedulePage.module.css";
import { TickTable } from "./TickTable";
import { sameZone, wallOf, wallText } from "./when/zones";

interface MonthPanelProps {
  schedule: Schedule;
  /** The next ticks that are known. */
  coming: string[];
  search: { month?: string; day?: string };
  setSearch: (change: { month?: string; day?: string }) => void;
}

/** The ticks of a month, and what a chosen day had of them. */
export function MonthPanel({ schedule, coming, search, setSearch }: MonthPanelProps) {
  const zone = schedule.definition.zone ?? "UTC";
  const now = useNow();
  const today = wallOf(new Date(now).toISOString(), zone)?.date ?? new Date(now).toISOString().slice(0, 10);
  const day = search.day && isDay(search.day) ? search.day : undefined;
  const month = search.month && isMonth(search.month) ? search.month : monthOf(day ?? today);
  const newest = useQuery(newestTicksOptions(schedule.id));
  const rule = schedule.definition.blackout;
  const { data: calendar } = useQuery({
    ...calendarOptions(rule?.calendar_id ?? 0),
    enabled: rule !== undefined && rule !== null,
  });
  const days = useMemo(() => daysOf(newest.data?.items ?? [], coming, zone), [newest.data, coming, zone]);
  const chosen = day === undefined ? undefined : days.get(day);
  return (
    <Panel title="Month">
      <MonthGrid
        label={`Ticks of ${schedule.name}`}
        month={month}
        day={day}
        today={today}
        onMonth={(next) => setSearch({ month: next })}
        onDay={(next) => setSearch({ day: next, month: monthOf(next) })}
        marksOf={(one) => {
          const found = days.get(one);
          const shade = calendar && blackoutOf(calendar.entries, one);
          const words = [
            found && countWords(found.counts),
            shade && `blackout${shade === "part" ? " for a part of the day" : ""}`,
          ];
          return {
            shade,
            words: words.filter(Boolean).join("; "),
            marks: found && <Marks counts={found.counts} />,
          };
        }}
      />
      <Legend zone={zone} calendar={calendar} more={Boolean(newest.data?.next_cursor)} />
      {day !== undefined && <DayDetail day={day} found={chosen} zone={zone} />}
    </Panel>
  );
}

const MARK: Record<Mark, { icon: TablerIcon; label: string }> = {
  ran: { icon: IconCheck, label: "ran" },
  failed: { icon: IconX, label: "failed" },
  passed: { icon: IconMinus, label: "missed or passed over" },
  coming: { icon: IconClock, label: "to come" },
};

const MARKS = Object.keys(MARK) as Mark[];

function Marks({ counts }: { counts: Day["counts"] }) {
  return MARKS.filter((mark) => counts[mark] > 0).map((mark) => {
    const Icon = MARK[mark].icon;
    return (
      <span key={mark} className={classes.mark} data-mark={mark}>
        <Icon size={10} stroke={2.5} aria-hidden />
        {counts[mark]}
      </span>
    );
  });
}

interface LegendProps {
  zone: string;
  calendar: Calendar | undefined;
  /** There are older ticks than those that were read. */
  more: boolean;
}

/** Also what is not to be seen here: the server tells five ticks ahead, and the oldest are not read. */
function Legend({ zone, calendar, more }: LegendProps) {
  return (
    <div className={classes.legend}>
      <span className={classes.keys}>
        {MARKS.map((mark) => {
          const { icon: Icon, label } = MARK[mark];
          return (
            <span key={mark} className={classes.mark} data-mark={mark}>
              <Icon size={11} stroke={2.5} aria-hidden />
              {label}
            </span>
          );
        })}
      </span>
      <p>
        Days are those of {zone}. Of the ticks to come the next five are marked, not every one of the month
        {more ? "; of those that were, the newest 500" : ""}.
        {calendar && (
          <>
            {" "}
            Hatched: blackout of {calendar.name} all day; a corner: for a part of the day
            {sameZone(calendar.zone, zone) ? "" : `, by the clock of ${calendar.zone}`}.
          </>
        )}
      </p>
    </div>
  );
}

function DayDetail({ day, found, zone }: { day: string; found: Day | undefined; zone: string }) {
  return (
    <section className={classes.dayDetail} aria-label={dayWords(day)}>
      <h3>{dayWords(day)}</h3>
      {!found && <p className="dim">No tick of this day is known.</p>}
      {found && found.coming.length > 0 && (
        <ul aria-label="To come">
          {found.coming.map((tick) => (
            <li key={tick}>
              <time dateTime={tick}>{wallText(tick, zone)}</time> <span className="dim">to come</span>
            </li>
          ))}
        </ul>
      )}
      {found && found.ticks.length > 0 && (
        <TickTable timeOnly label={`Ticks of ${dayWords(day)}`} ticks={found.ticks} zone={zone} />
      )}
    </section>
  );
}
