#!/usr/bin/env python3
"""Writes ticks.txt: how many ticks expressions have in twenty years of a zone, and a checksum of them.

A second oracle that shares nothing with the code: another language, another library, the time zones of the machine it
runs on, and another way: it goes over the minutes of UTC and asks what the clock on the wall shows. Run it again when
a country changes its rules: python3 ticks.py > ticks.txt
"""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

ZONES = [
    "UTC", "Europe/Brussels", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago",
]
# Minutes are multiples of STEP.
EXPRESSIONS = [
    "30 2 * * *", "0 0 * * *", "0,30 * * * *", "15,45 0-3 * * *", "5 */6 * * 0", "30 1,2 1-7 * *",
    "0 0,12 1 * 1", "55 23 31 12 *", "10 2,3 29 2 *", "0 3 8 9 *",
]
STEP = timedelta(minutes=5)
BEGIN, END = datetime(2025, 1, 1), datetime(2045, 1, 1)


def numbers(field, first, last):
    found = set()
    for part in field.split(","):
        part, _, step = part.partition("/")
        low, _, high = part.partition("-")
        low, high = (first, last) if low == "*" else (int(low), int(high or low))
        found.update(range(low, high + 1, int(step or 1)))
    return found


class Cron:
    def __init__(self, expression):
        minute, hour, day, month, weekday = expression.split()
        self.minutes, self.hours = numbers(minute, 0, 59), numbers(hour, 0, 23)
        self.days, self.months, self.weekdays = numbers(day, 1, 31), numbers(month, 1, 12), numbers(weekday, 0, 6)
        self.every_hour, self.any_day, self.any_weekday = hour == "*", day == "*", weekday == "*"

    def fits(self, wall):
        if wall.minute not in self.minutes or wall.hour not in self.hours or wall.month not in self.months:
            return False
        day, weekday = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return day and weekday
        return day or weekday


def ticks(zone):
    """For each expression its ticks, in seconds."""
    crons = [Cron(expression) for expression in EXPRESSIONS]
    found = [[] for _ in crons]
    moment = (BEGIN - timedelta(days=2)).replace(tzinfo=timezone.utc)
    before = None
    while True:
        local = moment.astimezone(zone)
        wall, fold = local.replace(tzinfo=None), local.fold
        if wall >= END:
            return found
        skipped = []
        if before is not None and wall - before > STEP:
            skipped = [before + STEP * number for number in range(1, (wall - before) // STEP)]
        before = wall
        if wall >= BEGIN:
            for cron, list_ in zip(crons, found):
                shown = cron.fits(wall) and (not fold or cron.every_hour)
                if shown or any(cron.fits(other) for other in skipped):
                    list_.append(int(moment.timestamp()))
        moment += STEP


def main():
    for name in ZONES:
        for expression, list_ in zip(EXPRESSIONS, ticks(ZoneInfo(name))):
            checksum = 0
            for tick in list_:
                checksum = (checksum * 1_000_003 + tick) % 2**64
            print(f"{name}\t{expression}\t{len(list_)}\t{checksum:016x}")


main()
