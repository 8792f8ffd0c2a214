/** Time zones by name, and instants as the clocks there show them. */

/** UTC first: it is what a schedule has unless another is named. */
export function zoneNames(also: string[] = []): string[] {
  const named = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [];
  return [...new Set(["UTC", ...named, ...also.filter((zone) => zone !== "")])];
}

export const viewerZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** UTC has many names. */
const UTC_NAMES = ["UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal"];
export const sameZone = (one: string, other: string): boolean =>
  one === other || (UTC_NAMES.includes(one) && UTC_NAMES.includes(other));

const formats = new Map<string, Intl.DateTimeFormat | undefined>();

/** Nothing for a zone that this browser does not know; the server may know more. */
function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  if (!formats.has(zone)) {
    try {
      formats.set(
        zone,
        new Intl.DateTimeFormat("en-GB", {
          timeZone: zone,
          hourCycle: "h23",
          weekday: "short",
          year: "numeric",
          month: "2-digit",
          day: "2-digit",
          hour: "2-digit",
          minute: "2-digit",
          second: "2-digit",
          timeZoneName: "shortOffset",
        }),
      );
    } catch {
      formats.set(zone, undefined);
    }
  }
  return formats.get(zone);
}

interface Wall {
  /** `2026-12-24` */
  date: string;
  /** `02:30`, with seconds only where there are some. */
  time: string;
  weekday: string;
  /** `GMT+1` */
  offset: string;
}

export function wallOf(iso: string, zone: string): Wall | undefined {
  const at = new Date(iso);
  const format = formatOf(zone);
  if (!format || Number.isNaN(at.getTime())) {
    return undefined;
  }
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? "";
  const seconds = part("second") === "00" ? "" : `:${part("second")}`;
  return {
    date: `${part("year")}-${part("month")}-${part("day")}`,
    time: `${part("hour")}:${part("minute")}${seconds}`,
    weekday: part("weekday"),
    offset: part("timeZoneName"),
  };
}

/** `Thu 2026-12-24 02:30`, where there is no place for more. */
export function wallShort(iso: string, zone: string): string {
  const wall = wallOf(iso, zone);
  return wall ? `${wall.weekday} ${wall.date} ${wall.time}` : iso;
}

/** `Thu 02:30`, beside something that has the date. */
export function wallTime(iso: string, zone: string): string {
  const wall = wallOf(iso, zone);
  return wall ? `${wall.weekday} ${wall.time}` : iso;
}

/** `Thu 2026-12-24 02:30 GMT+1`; as the server says it where the zone is not known here. */
export function wallText(iso: string, zone: string): string {
  const wall = wallOf(iso, zone);
  return wall ? `${wall.weekday} ${wall.date} ${wall.time} ${wall.offset}` : iso;
}
