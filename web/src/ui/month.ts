/** Days and months as texts, `2026-12-24` and `2026-12`: no clock and no time zone has a part in them. */

const DAY_MS = 86_400_000;

const two = (value: number) => String(value).padStart(2, "0");
const at = (day: string): number => Date.parse(`${day}T00:00:00Z`);
const text = (time: number): string => new Date(time).toISOString().slice(0, 10);

export const isMonth = (value: string): boolean => /^\d{4}-(?:0[1-9]|1[0-2])$/.test(value);
export const isDay = (value: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(at(value)) && text(at(value)) === value;

export const monthOf = (day: string): string => day.slice(0, 7);
export const addDays = (day: string, days: number): string => text(at(day) + days * DAY_MS);

export function addMonths(month: string, months: number): string {
  const [year = 1970, number = 1] = month.split("-").map(Number);
  const index = year * 12 + number - 1 + months;
  return `${String(Math.floor(index / 12)).padStart(4, "0")}-${two((index % 12) + 1)}`;
}

/** Monday is 0. */
export const weekdayOf = (day: string): number => (new Date(at(day)).getUTCDay() + 6) % 7;

/** Whole weeks from Monday to Sunday, with days of the months beside it at both ends. */
export function weeksOf(month: string): string[][] {
  const first = `${month}-01`;
  const weeks: string[][] = [];
  let day = addDays(first, -weekdayOf(first));
  while (weeks.length === 0 || monthOf(day) === month) {
    const monday = day;
    weeks.push(Array.from({ length: 7 }, (_, index) => addDays(monday, index)));
    day = addDays(day, 7);
  }
  return weeks;
}

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
export const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** `December 2026` */
export function monthWords(month: string): string {
  const [year, number = 1] = month.split("-").map(Number);
  return `${MONTHS[number - 1] ?? ""} ${year}`;
}

/** `Thursday, 24 December 2026` */
export function dayWords(day: string): string {
  return `${WEEKDAYS[weekdayOf(day)]}, ${Number(day.slice(8))} ${monthWords(monthOf(day))}`;
}
