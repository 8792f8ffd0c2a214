import { IconCheck, IconClock, IconMinus, IconX, type TablerIcon } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Calendar, Schedule } from "~/api/types";
import { MonthGrid } from "~/ui/MonthGrid";
import { dayWords, isDay, isMonth, monthOf } from "~/ui/month";
import { useNow } from "~/ui/now";
import { Panel } from "~/ui/Page";
import { StaleBanner } from "~/ui/states";
import { calendarOptions, monthTicksOptions, newestTicksOptions } from "./api";
import { AHEAD_DAYS, blackoutOf, comingTicks, countWords, type Day, daysOf, type Mark } from "./days";
import classes from "./SchedulePage.module.css";
import { TickTable } from "./TickTable";
import { sameZone, wallOf, wallText } from "./when/zones";

interface MonthPanelProps {
  schedule: Schedule;
  search: { month?: string; day?: string };
  setSearch: (change: { month?: string; day?: string }) => void;
}

const MINUTE_MS = 60_000;

/** The ticks of a month, and what a chosen day had of them. */
export function MonthPanel({ schedule, search, setSearch }: MonthPanelProps) {
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
  const ahead = useQuery(monthTicksOptions(schedule, month));
  // Ticks are at full minutes: what they come to is looked at no more often.
  const minute = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  const days = useMemo(() => {
    const ticks = (ahead.data?.ticks ?? []).filter((tick) => Date.parse(tick) > minute);
    return daysOf(newest.data?.items ?? [], comingTicks(schedule, ticks), zone);
  }, [newest.data, ahead.data, schedule, minute, zone]);
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
      {ahead.error ? <StaleBanner error={ahead.error} onRetry={() => void ahead.refetch()} /> : null}
      <Legend
        zone={zone}
        calendar={calendar}
        more={Boolean(newest.data?.next_cursor)}
        ahead={ahead.data?.more ? ahead.data.ticks.length : undefined}
        counted={Boolean(schedule.definition.max_runs)}
      />
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
  /** Of the ticks to come only so many were computed. */
  ahead: number | undefined;
  /** It ends after so many runs. */
  counted: boolean;
}

/** Also what is not to be seen here: the oldest ticks are not read, and not any number of those to come. */
function Legend({ zone, calendar, more, ahead, counted }: LegendProps) {
  const bounds = [
    ahead !== undefined && `Of the ticks to come in the month the first ${ahead} are marked.`,
    counted && `As it ends after a number of runs, the ticks of the next ${AHEAD_DAYS} days are marked.`,
    more && "Of the ticks that were the newest 500 are marked.",
  ].filter(Boolean);
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
        {[`Days are those of ${zone}.`, ...bounds].join(" ")}
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
