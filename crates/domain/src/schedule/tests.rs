use std::{collections::BTreeSet, time::Duration};

use jiff::tz::TimeZone;
use proptest::{prelude::*, sample::subsequence};

use super::{oracle::Fields, *};

const ZONES: [&str; 6] = [
    "UTC",
    "Europe/Brussels",
    "America/New_York",
    // Half an hour of daylight saving.
    "Australia/Lord_Howe",
    // Half an hour off, none.
    "Asia/Kolkata",
    // Shifts at midnight.
    "America/Santiago",
];
const YEARS: std::ops::Range<i16> = 2025..2045;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn cron(expression: &str, zone: &str) -> Cron {
    Cron::parse(expression, zone).unwrap()
}

fn ticks(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    cron(expression, zone)
        .preview(at(after), count)
        .iter()
        .map(|tick| tick.to_string().replace(".000000", ""))
        .collect()
}

fn fields() -> impl Strategy<Value = Fields> {
    let some = |most: i8, from: i8| subsequence((from..=most).collect::<Vec<_>>(), 1..=3);
    let hours = prop_oneof![
        2 => some(23, 0),
        1 => subsequence(vec![0i8, 1, 2, 3], 1..=4),
        1 => Just((0..24).collect::<Vec<i8>>()),
    ];
    (
        some(59, 0),
        hours,
        prop::option::weighted(0.3, some(31, 1)),
        prop::option::weighted(0.3, some(12, 1)),
        prop::option::weighted(0.3, some(6, 0)),
    )
        .prop_map(|(minutes, hours, days, months, weekdays)| Fields {
            minutes,
            hours,
            days,
            months,
            weekdays,
        })
}

/// A schedule that ticks more often is compared around every shift, at the begin and at the end.
const ALL: usize = 10_000;
const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

/// Runs of ticks without a gap between them.
fn runs(ticks: &BTreeSet<i64>, zone: &TimeZone) -> Vec<Vec<i64>> {
    if ticks.len() <= ALL {
        return vec![ticks.iter().copied().collect()];
    }
    let (Some(begin), Some(end)) = (ticks.first(), ticks.last()) else {
        return Vec::new();
    };
    let offset = |micros: &i64| zone.to_offset(jiff::Timestamp::from_microsecond(*micros).unwrap());
    let days: Vec<i64> = (*begin..=*end)
        .step_by(DAY_MICROS.unsigned_abs() as usize)
        .collect();
    let shifts = days
        .windows(2)
        .filter(|pair| offset(&pair[0]) != offset(&pair[1]))
        .map(|pair| pair[0]);
    let around = |day: i64| {
        let near = ticks.range(day - DAY_MICROS..day + 3 * DAY_MICROS);
        near.copied().collect()
    };
    shifts.chain([*begin, *end]).map(around).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..ProptestConfig::with_cases(20) })]
    #[test]
    fn ticks_of_twenty_years_are_those_of_the_oracle_in_every_zone(fields in fields()) {
        for zone in ZONES {
            let tz = TimeZone::get(zone).unwrap();
            let expected = fields.ticks(&tz, YEARS);
            let Ok(cron) = Cron::parse(&fields.expression(), zone) else {
                prop_assert!(expected.is_empty(), "{} was refused", fields.expression());
                continue;
            };
            for run in runs(&expected, &tz) {
                let mut tick = Timestamp::from_micros(run.first().copied().unwrap_or_default() - 1);
                for expected in run {
                    tick = cron.next(tick).unwrap();
                    prop_assert_eq!(tick.as_micros(), expected, "{} in {}", fields.expression(), zone);
                }
            }
        }
    }
}

/// Made by another program, from another copy of the world's time zones: see `ticks.py`.
#[test]
fn ticks_of_twenty_years_are_those_that_another_library_finds() {
    for line in include_str!("ticks.txt").lines() {
        let [zone, expression, count, checksum] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let count: usize = count.parse().unwrap();
        let cron = cron(expression, zone);
        // The clock on the wall of some zones shows the new year before that of UTC does.
        let from = at("2024-12-31T00:00:00Z");
        let tz = TimeZone::get(zone).unwrap();
        let year = |tick: Timestamp| {
            tz.to_datetime(jiff::Timestamp::from_microsecond(tick.as_micros()).unwrap())
                .year()
        };
        let ticks = std::iter::successors(cron.next(from), |tick| cron.next(*tick))
            .skip_while(|tick| year(*tick) < YEARS.start)
            .take_while(|tick| year(*tick) < YEARS.end);
        let (mut found, mut sum) = (0, 0u64);
        for tick in ticks {
            found += 1;
            sum = sum
                .wrapping_mul(1_000_003)
                .wrapping_add(tick.as_seconds().unsigned_abs());
        }
        assert_eq!(
            (found, format!("{sum:016x}").as_str()),
            (count, checksum),
            "{line}"
        );
    }
}

#[test]
fn every_zone_agrees_with_the_oracle_around_its_shifts() {
    for zone in ZONES {
        for (minutes, hours) in [
            (vec![30], vec![2]),
            (vec![0, 30], (0..24).collect()),
            (vec![15, 45], vec![0, 1, 2, 3]),
        ] {
            let fields = Fields {
                minutes,
                hours,
                days: None,
                months: None,
                weekdays: None,
            };
            let expected = fields.ticks(&TimeZone::get(zone).unwrap(), 2026..2028);
            let mut tick = Timestamp::from_micros(expected.first().unwrap() - 1);
            let cron = cron(&fields.expression(), zone);
            for expected in &expected {
                tick = cron.next(tick).unwrap();
                assert_eq!(tick.as_micros(), *expected, "{} in {zone}", fields.expression());
            }
        }
    }
}

#[test]
fn a_tick_in_the_skipped_hour_comes_once_right_after_it() {
    let day_after = "2026-03-28T12:00:00Z";
    assert_eq!(
        ticks("30 2 * * *", "Europe/Brussels", day_after, 2),
        ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    );
    assert_eq!(
        ticks("0,20,40 2 * * *", "Europe/Brussels", day_after, 2),
        ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]
    );
}

#[test]
fn a_tick_in_the_repeated_hour_comes_once_unless_every_hour_is_meant() {
    let evening = "2026-10-24T22:00:00Z";
    assert_eq!(
        ticks("30 2 * * *", "Europe/Brussels", evening, 2),
        ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
    assert_eq!(
        ticks("30 * * * *", "Europe/Brussels", "2026-10-25T00:00:00Z", 3),
        [
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T02:30:00Z"
        ]
    );
}

#[test]
fn what_is_no_expression_is_refused() {
    for (expression, zone, part) in [
        ("* * * *", "UTC", "five fields"),
        ("* * * * * *", "UTC", "five fields"),
        ("", "UTC", "five fields"),
        ("0 0 31 2 *", "UTC", "never"),
        ("0 0 * * *", "Mars/Olympus", "time zone"),
        ("0 0 * * *", "", "time zone"),
        (&"1,".repeat(200), "UTC", "longer"),
    ] {
        let error = Cron::parse(expression, zone).expect_err(expression).to_string();
        assert!(error.contains(part), "{expression}: {error}");
    }
}

#[test]
fn a_field_that_is_wrong_is_named_with_what_it_takes() {
    for (expression, said) in [
        ("60 * * * *", "its minute \"60\" is none: give 0 to 59"),
        (
            "5-1 * * * *",
            "its minute \"5-1\" is none: give 0 to 59, as in 5, 0,30, 10-20 (low to high)",
        ),
        ("0 24 * * *", "its hour \"24\" is none: give 0 to 23"),
        ("0 0 32 * *", "its day of the month \"32\" is none: give 1 to 31"),
        (
            "0 0 * 13 *",
            "its month \"13\" is none: give 1 to 12 or JAN to DEC",
        ),
        ("0 0 * * 8", "its day of the week \"8\" is none: give 0 to 7"),
        ("0 0 * * funday", "its day of the week \"funday\" is none"),
        ("x 25 * * *", "its minute \"x\" is none"),
        ("* * * *", "five fields (minute hour day month weekday): it has 4"),
        ("0 0 0 * * *", "it has 6"),
    ] {
        let error = Cron::parse(expression, "UTC").expect_err(expression).to_string();
        assert!(error.contains(said), "{expression}: {error}");
    }
    for expression in [
        "0 0 L * *",
        "0 0 15W * *",
        "0 0 * * 5L",
        "0 0 * * 1#2",
        "0 0 * jan-mar mon,thu",
    ] {
        assert!(Cron::parse(expression, "UTC").is_ok(), "{expression}");
    }
}

fn schedule(missed: Missed, overlap: Overlap) -> Schedule {
    Schedule {
        cron: cron("*/10 * * * *", "UTC"),
        missed,
        overlap,
        ends: None,
        max_runs: None,
        runs: 0,
        next: Some(at("2026-11-22T10:00:00Z")),
        waiting: None,
    }
}

const FREE: Around = Around {
    child_open: false,
    blackout: None,
};
const BUSY: Around = Around {
    child_open: true,
    blackout: None,
};

#[test]
fn a_tick_runs_at_its_time_and_not_before() {
    let schedule = schedule(Missed::Skip, Overlap::Skip);
    let tick = at("2026-11-22T10:00:00Z");
    assert_eq!(step(&schedule, FREE, tick.minus(Duration::from_micros(1))), None);
    let expected = Step {
        ticks: vec![(tick, Fate::Run)],
        next: Some(at("2026-11-22T10:10:00Z")),
        waiting: None,
    };
    assert_eq!(step(&schedule, FREE, tick), Some(expected.clone()));
    assert_eq!(step(&schedule, FREE, tick.plus(LATE_AFTER)), Some(expected));
}

#[test]
fn missed_ticks_are_skipped_or_make_one_run() {
    let late = at("2026-11-22T10:35:30Z");
    let ten = at("2026-11-22T10:00:00Z");
    let next = Some(at("2026-11-22T10:40:00Z"));
    let skipped = step(&schedule(Missed::Skip, Overlap::Skip), FREE, late).unwrap();
    assert_eq!(
        (skipped.ticks, skipped.next),
        (vec![(ten, Fate::Missed(4))], next)
    );
    let once = step(&schedule(Missed::RunOnce, Overlap::Skip), FREE, late).unwrap();
    let run = (at("2026-11-22T10:30:00Z"), Fate::Run);
    assert_eq!((once.ticks, once.next), (vec![(ten, Fate::Missed(3)), run], next));
    // The last of several is on time.
    let on_time = step(
        &schedule(Missed::Skip, Overlap::Skip),
        FREE,
        at("2026-11-22T10:30:10Z"),
    )
    .unwrap();
    assert_eq!(on_time.ticks, [(ten, Fate::Missed(3)), run]);
    // Only one, and late.
    let one = step(
        &schedule(Missed::RunOnce, Overlap::Skip),
        FREE,
        at("2026-11-22T10:05:00Z"),
    )
    .unwrap();
    assert_eq!(one.ticks, [(ten, Fate::Run)]);
}

#[test]
fn an_unfinished_child_is_passed_over_waited_for_or_ignored() {
    let ten = at("2026-11-22T10:00:00Z");
    let found = |overlap| step(&schedule(Missed::Skip, overlap), BUSY, ten).unwrap();
    assert_eq!(found(Overlap::Allow).ticks, [(ten, Fate::Run)]);
    assert_eq!(found(Overlap::Skip).ticks, [(ten, Fate::SkippedForOverlap)]);
    let queued = found(Overlap::Queue);
    assert_eq!((queued.ticks, queued.waiting), (vec![], Some(ten)));
    let waiting = Schedule {
        next: Some(at("2026-11-22T10:10:00Z")),
        waiting: Some(ten),
        ..schedule(Missed::Skip, Overlap::Queue)
    };
    let now = at("2026-11-22T10:05:00Z");
    assert_eq!(step(&waiting, BUSY, now), None);
    let runs = step(&waiting, FREE, now).unwrap();
    assert_eq!((runs.ticks, runs.waiting), (vec![(ten, Fate::Run)], None));
    // The next tick takes its place.
    let later = step(&waiting, BUSY, at("2026-11-22T10:10:00Z")).unwrap();
    assert_eq!(later.ticks, [(ten, Fate::Replaced)]);
    assert_eq!(later.waiting, Some(at("2026-11-22T10:10:00Z")));
}

#[test]
fn nothing_begins_in_a_blackout() {
    let ten = at("2026-11-22T10:00:00Z");
    let dark = |blackout| Around {
        child_open: false,
        blackout: Some(blackout),
    };
    let schedule = schedule(Missed::Skip, Overlap::Allow);
    assert_eq!(
        step(&schedule, dark(Blackout::Skip), ten).unwrap().ticks,
        [(ten, Fate::SkippedForBlackout)]
    );
    assert_eq!(
        step(&schedule, dark(Blackout::Wait), ten).unwrap().waiting,
        Some(ten)
    );
}

#[test]
fn of_a_tick_that_waited_and_one_that_is_due_the_last_runs() {
    let (waited, due) = (at("2026-11-22T09:50:00Z"), at("2026-11-22T10:00:00Z"));
    let dark = |blackout| Around {
        child_open: false,
        blackout: Some(blackout),
    };
    let last = vec![(waited, Fate::Replaced), (due, Fate::Run)];
    let neither = |fate| vec![(waited, fate), (due, fate)];
    let waits_on = vec![(waited, Fate::Replaced)];
    for (overlap, around, ticks, waiting) in [
        (Overlap::Allow, FREE, last.clone(), None),
        (Overlap::Skip, FREE, last.clone(), None),
        (Overlap::Queue, FREE, last.clone(), None),
        (Overlap::Allow, BUSY, last, None),
        (Overlap::Skip, BUSY, neither(Fate::SkippedForOverlap), None),
        (Overlap::Queue, BUSY, waits_on.clone(), Some(due)),
        (Overlap::Allow, dark(Blackout::Wait), waits_on, Some(due)),
        (
            Overlap::Allow,
            dark(Blackout::Skip),
            neither(Fate::SkippedForBlackout),
            None,
        ),
    ] {
        let schedule = Schedule {
            waiting: Some(waited),
            ..schedule(Missed::Skip, overlap)
        };
        let expected = Step {
            ticks,
            next: Some(at("2026-11-22T10:10:00Z")),
            waiting,
        };
        let found = step(&schedule, around, due.plus(Duration::from_secs(1)));
        assert_eq!(found, Some(expected), "{overlap:?}, {around:?}");
    }
}

/// It is looked at at the very moment at which the second is due.
#[test]
fn a_tick_that_is_due_while_the_one_before_is_just_not_late_is_not_lost() {
    let ten = at("2026-11-22T10:00:00Z");
    let minutely = Schedule {
        cron: cron("* * * * *", "UTC"),
        ..schedule(Missed::Skip, Overlap::Allow)
    };
    let found = step(&minutely, FREE, ten.plus(LATE_AFTER)).unwrap();
    assert_eq!(found.ticks, [(ten, Fate::Run)]);
    assert_eq!(found.next, Some(ten.plus(LATE_AFTER)));
}

fn around() -> impl Strategy<Value = Around> {
    let blackout = prop_oneof![
        3 => Just(None::<Blackout>),
        2 => Just(Some(Blackout::Wait)),
        1 => Just(Some(Blackout::Skip)),
    ];
    (any::<bool>(), blackout).prop_map(|(child_open, blackout)| Around { child_open, blackout })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_tick_is_decided_once_and_runs_go_forward(
        missed in prop_oneof![Just(Missed::Skip), Just(Missed::RunOnce)],
        overlap in prop_oneof![Just(Overlap::Allow), Just(Overlap::Skip), Just(Overlap::Queue)],
        max_runs in prop::option::weighted(0.3, 1u32..6),
        looks in prop::collection::vec((0u64..200, around()), 1..25),
    ) {
        let begin = at("2026-11-22T10:00:00Z");
        let mut schedule = Schedule {
            cron: cron("* * * * *", "UTC"),
            max_runs,
            ..schedule(missed, overlap)
        };
        let (mut now, mut decided, mut ran) = (begin, Vec::new(), Vec::new());
        for (seconds, around) in looks {
            now = now.plus(Duration::from_secs(seconds));
            while let Some(found) = step(&schedule, around, now) {
                for (tick, fate) in found.ticks {
                    let count = if let Fate::Missed(ticks) = fate { ticks } else { 1 };
                    let from = std::iter::successors(Some(tick), |tick| schedule.cron.next(*tick));
                    decided.extend(from.take(count as usize));
                    if fate == Fate::Run {
                        ran.push(tick);
                        schedule.runs += 1;
                    }
                }
                (schedule.next, schedule.waiting) = (found.next, found.waiting);
            }
        }
        decided.extend(schedule.waiting);
        decided.sort_unstable();
        let all = std::iter::successors(Some(begin), |tick| schedule.cron.next(*tick));
        let mut all: Vec<Timestamp> = all.take(decided.len() + 1).collect();
        let after = all.pop();
        prop_assert_eq!(decided, all);
        prop_assert!(schedule.next.is_none() || schedule.next == after, "{:?}", schedule.next);
        prop_assert!(ran.is_sorted_by(|one, other| one < other), "{ran:?}");
        prop_assert!(max_runs.is_none_or(|most| schedule.runs <= most));
    }
}

#[test]
fn it_ends_by_itself_at_its_limits() {
    let ten = at("2026-11-22T10:00:00Z");
    let last = Schedule {
        max_runs: Some(3),
        runs: 2,
        ..schedule(Missed::Skip, Overlap::Allow)
    };
    assert_eq!(step(&last, FREE, ten).unwrap().next, None);
    let not_yet = Schedule {
        max_runs: Some(4),
        runs: 2,
        ..schedule(Missed::Skip, Overlap::Allow)
    };
    assert!(step(&not_yet, FREE, ten).unwrap().next.is_some());
    let dated = Schedule {
        ends: Some(at("2026-11-22T10:09:59Z")),
        ..schedule(Missed::Skip, Overlap::Allow)
    };
    assert_eq!(step(&dated, FREE, ten).unwrap().next, None);
    let every_ten = cron("*/10 * * * *", "UTC");
    assert_eq!(first(&every_ten, None, Some(3), 3, ten), None);
}

#[test]
fn ticks_after_its_end_are_neither_run_nor_missed() {
    let ten = at("2026-11-22T10:00:00Z");
    for (missed, expected) in [
        (Missed::Skip, vec![(ten, Fate::Missed(2))]),
        (
            Missed::RunOnce,
            vec![(ten, Fate::Missed(1)), (at("2026-11-22T10:10:00Z"), Fate::Run)],
        ),
    ] {
        let ended = Schedule {
            ends: Some(at("2026-11-22T10:15:00Z")),
            ..schedule(missed, Overlap::Allow)
        };
        // A tick of the expression was half a minute ago, a quarter of an hour after the end.
        let found = step(&ended, FREE, at("2026-11-22T10:30:30Z")).unwrap();
        assert_eq!((found.ticks, found.next), (expected, None), "{missed:?}");
    }
}

#[test]
fn the_clock_set_back_repeats_no_tick() {
    let before = schedule(Missed::Skip, Overlap::Allow);
    let ten = at("2026-11-22T10:00:00Z");
    let after = step(&before, FREE, ten).unwrap();
    let moved = Schedule {
        next: after.next,
        runs: 1,
        ..before
    };
    assert_eq!(step(&moved, FREE, ten.minus(Duration::from_secs(3600))), None);
    assert_eq!(step(&moved, FREE, ten), None);
}
