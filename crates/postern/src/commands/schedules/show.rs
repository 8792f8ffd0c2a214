//! A schedule as people read it: what it does and where, its rules, and where it stands.

use std::fmt::Display;

use postern_api::{
    jobs::{Concurrency, ConcurrencyScope},
    schedules::{BlackoutTick, CronPreview, Schedule, ScheduleDefinition, ScheduledWork},
    targets::Targets,
};
use postern_client::{Client, Error};
use postern_domain::{
    ExecutionId, InstanceId, Timestamp,
    rollout::{Amount, Rolling},
    schedule::{Missed, Overlap},
};

use crate::{clock, failure::Failure, output::Console, words};

/// What the schedule itself does not say, asked of the server beside it.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// Name of the script, the action or the workflow that it runs; absent where that is gone or may not be seen.
    work: Option<String>,
    /// Name of its calendar, likewise.
    calendar: Option<String>,
    /// Its next ticks.
    ticks: Vec<Timestamp>,
}

impl Beside {
    pub(super) async fn of(client: &Client, schedule: &Schedule) -> Result<Self, Failure> {
        let definition = &schedule.definition;
        let work = match &definition.work {
            ScheduledWork::Job { .. } => None,
            ScheduledWork::Script { script_id, .. } => {
                let shown = client.script_show(*script_id).await;
                seen(shown.map(|detail| detail.script.name))?
            }
            ScheduledWork::Action { action_id, .. } => {
                let shown = client.action_show(*action_id).await;
                seen(shown.map(|detail| detail.action.name))?
            }
            ScheduledWork::Workflow { workflow_id, .. } => {
                let shown = client.workflow_show(*workflow_id).await;
                seen(shown.map(|detail| detail.workflow.name))?
            }
        };
        let calendar = match &definition.blackout {
            Some(rule) => {
                let shown = client.calendar_show(rule.calendar_id).await;
                seen(shown.map(|calendar| calendar.name))?
            }
            None => None,
        };
        let ticks = match schedule.next_at {
            Some(next) => {
                let preview = CronPreview {
                    cron: definition.cron.clone(),
                    zone: definition.zone.clone(),
                    from: None,
                    until: None,
                };
                to_come(schedule, next, client.cron_preview(&preview).await?.ticks)
            }
            None => Vec::new(),
        };
        Ok(Self {
            work,
            calendar,
            ticks,
        })
    }
}

/// What is gone or may not be seen has no name.
fn seen(name: Result<String, Error>) -> Result<Option<String>, Failure> {
    match name {
        Ok(name) => Ok(Some(name)),
        Err(error) if matches!(error.status(), Some(403 | 404)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Of the ticks of its expression those that it still has: none after its end, and no more than it may run.
fn to_come(schedule: &Schedule, next: Timestamp, mut ticks: Vec<Timestamp>) -> Vec<Timestamp> {
    let definition = &schedule.definition;
    ticks.retain(|tick| *tick >= next && definition.ends_at.is_none_or(|end| *tick <= end));
    if let Some(most) = definition.max_runs {
        let left = most.saturating_sub(schedule.runs);
        ticks.truncate(usize::try_from(left).unwrap_or(usize::MAX));
    }
    ticks
}

pub(super) fn print(schedule: &Schedule, beside: &Beside, console: &Console) {
    console.fields(&fields(schedule, beside, clock::now()));
}

fn fields(schedule: &Schedule, beside: &Beside, now: Timestamp) -> Vec<(&'static str, String)> {
    let definition = &schedule.definition;
    let time = |time: Option<Timestamp>| time.map(|time| words::absolute(time, now)).unwrap_or_default();
    let by = |at: Timestamp, who: &str| format!("{} by {who}", words::absolute(at, now));
    let mut fields = vec![
        ("id", schedule.id.to_string()),
        ("name", schedule.name.clone()),
        ("description", schedule.description.clone()),
        (
            "when",
            format!(
                "{} ({}), {}",
                definition.cron, definition.zone, schedule.cron_text
            ),
        ),
        ("state", state(schedule)),
    ];
    let next = match beside.ticks.as_slice() {
        [] => schedule.next_at.as_slice(),
        ticks => ticks,
    };
    let names = std::iter::once("next").chain(std::iter::repeat(""));
    let told = next
        .iter()
        .map(|tick| words::on_clock(*tick, &definition.zone, now));
    fields.extend(names.zip(told));
    fields.extend([
        ("waiting", waiting(schedule, now)),
        ("runs", runs(schedule)),
        ("ends", time(definition.ends_at)),
        (
            "last run",
            child(schedule.last_execution_id, schedule.last_instance_id),
        ),
        ("does", work(&definition.work, beside.work.as_deref())),
        ("with", given(&definition.work)),
        ("hosts", hosts(definition)),
        ("secrets", schedule.secrets.join(", ")),
    ]);
    fields.extend(rules(definition, beside.calendar.as_deref()));
    fields.extend([
        ("runs on the account of", schedule.owner.clone()),
        ("created", by(schedule.created_at, &schedule.created_by)),
        ("changed", by(schedule.updated_at, &schedule.updated_by)),
    ]);
    fields
}

/// What becomes of ticks, and how it goes over its hosts.
fn rules(definition: &ScheduleDefinition, calendar: Option<&str>) -> [(&'static str, String); 7] {
    let missed = match definition.missed {
        Missed::Skip => "skip: what was missed does not run",
        Missed::RunOnce => "run_once: one run for all that were missed",
    };
    let overlap = match definition.overlap {
        Overlap::Allow => "allow: runs beside the run before",
        Overlap::Skip => "skip: a tick is passed over while the run before has not ended",
        Overlap::Queue => "queue: a tick waits until the run before has ended",
    };
    let blackouts = definition.blackout.as_ref().map(|rule| {
        let tick = match rule.tick {
            BlackoutTick::Wait => "a tick in one waits until it is over",
            BlackoutTick::Skip => "a tick in one is passed over",
        };
        format!("calendar {}, {tick}", called(calendar, &rule.calendar_id))
    });
    [
        ("missed ticks", missed.to_owned()),
        ("overlap", overlap.to_owned()),
        ("blackouts", blackouts.unwrap_or_default()),
        (
            "priority",
            definition
                .priority
                .map(|priority| priority.to_string())
                .unwrap_or_default(),
        ),
        (
            "timeout",
            definition
                .timeout_seconds
                .map(|seconds| format!("{seconds} s"))
                .unwrap_or_default(),
        ),
        (
            "batches",
            definition.rolling.as_ref().map(batches).unwrap_or_default(),
        ),
        (
            "one at a time",
            definition
                .concurrency
                .as_ref()
                .map(one_at_a_time)
                .unwrap_or_default(),
        ),
    ]
}

fn state(schedule: &Schedule) -> String {
    let definition = &schedule.definition;
    let all = definition.max_runs.filter(|most| schedule.runs >= *most);
    match (schedule.next_at, all, definition.ends_at) {
        _ if schedule.paused => {
            format!("paused: `postern schedule resume {}` lets it go on", schedule.id)
        }
        (Some(_), ..) => "active".to_owned(),
        (None, Some(most), _) => format!(
            "ended: it ran {}, as often as it was to",
            words::count(most, "time", "times")
        ),
        (None, None, Some(_)) => "ended: no tick is left before its end".to_owned(),
        (None, None, None) => "ended: its expression has no tick left".to_owned(),
    }
}

fn waiting(schedule: &Schedule, now: Timestamp) -> String {
    let Some(tick) = schedule.waiting else {
        return String::new();
    };
    let tick = words::absolute(tick, now);
    match &schedule.waiting_reason {
        Some(reason) => format!("the tick of {tick}: {reason}"),
        None => format!("the tick of {tick}"),
    }
}

fn runs(schedule: &Schedule) -> String {
    match schedule.definition.max_runs {
        Some(most) => format!("{} of {most}", schedule.runs),
        None => schedule.runs.to_string(),
    }
}

fn called(name: Option<&str>, id: &dyn Display) -> String {
    match name {
        Some(name) => format!("{name} ({id})"),
        None => id.to_string(),
    }
}

fn work(work: &ScheduledWork, name: Option<&str>) -> String {
    match work {
        ScheduledWork::Job { job } => format!("{}: {}", job.kind().as_str(), job.summary()),
        ScheduledWork::Script {
            script_id, version, ..
        } => {
            let version = match version {
                Some(version) => format!("version {version}"),
                None => "its newest version".to_owned(),
            };
            format!("script {}, {version}", called(name, script_id))
        }
        ScheduledWork::Action { action_id, .. } => {
            format!("action {}, its deployed version", called(name, action_id))
        }
        ScheduledWork::Workflow { workflow_id, .. } => {
            format!("workflow {}, its published version", called(name, workflow_id))
        }
    }
}

/// Parameters or inputs; of secret ones only the names are told, beside.
fn given(work: &ScheduledWork) -> String {
    let given = match work {
        ScheduledWork::Job { .. } => return String::new(),
        ScheduledWork::Script { parameters, .. } | ScheduledWork::Action { parameters, .. } => parameters,
        ScheduledWork::Workflow { inputs, .. } => inputs,
    };
    if given.is_empty() {
        return String::new();
    }
    serde_json::to_string(given).unwrap_or_default()
}

fn hosts(definition: &ScheduleDefinition) -> String {
    match &definition.work {
        ScheduledWork::Action { .. } => "the action's own".to_owned(),
        ScheduledWork::Workflow { .. } if definition.targets == Targets::default() => {
            "the workflow's own".to_owned()
        }
        _ => words::targets(&definition.targets),
    }
}

fn batches(rolling: &Rolling) -> String {
    let amount = |amount: Amount| match amount {
        Amount::Hosts(hosts) => words::count(hosts, "host", "hosts"),
        Amount::Percent(percent) => format!("{percent}% of the hosts"),
    };
    let mut text = format!("{} at once", amount(rolling.batch));
    if rolling.pause_seconds > 0 {
        text.push_str(&format!(", {} s between them", rolling.pause_seconds));
    }
    if let Some(stop) = rolling.stop_after {
        text.push_str(&format!(", none after {} failed", amount(stop)));
    }
    text
}

fn one_at_a_time(concurrency: &Concurrency) -> String {
    let place = match concurrency.per {
        ConcurrencyScope::Host => "on each host",
        ConcurrencyScope::Group => "in the host group",
        ConcurrencyScope::Tenant => "in the tenant",
    };
    format!("of key {}, {place}", concurrency.key)
}

/// What a run made: jobs, or an instance of a workflow.
pub(super) fn child(execution: Option<ExecutionId>, instance: Option<InstanceId>) -> String {
    match (execution, instance) {
        (Some(id), _) => format!("execution {id}"),
        (None, Some(id)) => format!("instance {id}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    /// 2026-11-22 09:30:00 UTC
    const NOW: Timestamp = Timestamp::from_micros(1_795_339_800_000_000);

    fn hours(hours: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(hours * 3600))
    }

    fn schedule(work: &Value, beyond: &Value) -> Schedule {
        let mut definition = json!({"cron": "30 2 * * *", "zone": "Europe/Brussels", "work": work});
        let beyond = beyond.as_object().unwrap().clone();
        definition.as_object_mut().unwrap().extend(beyond);
        serde_json::from_value(json!({
            "id": 7, "name": "nightly", "description": "", "organization_id": null, "department_id": null,
            "definition": definition, "cron_text": "At 02:30", "paused": false, "runs": 3,
            "next_at": "2026-11-22T10:30:00Z", "waiting": null, "last_execution_id": 12, "last_instance_id": null,
            "secrets": [], "owner": "anna", "created_at": "2026-11-22T09:30:00Z", "created_by": "ben",
            "updated_at": "2026-11-22T09:30:00Z", "updated_by": "anna",
        }))
        .unwrap()
    }

    fn uptime() -> Value {
        json!({"kind": "job", "job": {"type": "command", "payload": {"argv": ["uptime"]}}})
    }

    fn lines(schedule: &Schedule, beside: &Beside) -> Vec<String> {
        let fields = fields(schedule, beside, NOW);
        fields
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    }

    #[test]
    fn all_of_a_schedule_is_told() {
        let beyond = json!({
            "missed": "run_once", "overlap": "queue", "max_runs": 10, "ends_at": "2026-11-23T09:30:00Z",
            "blackout": {"calendar_id": 5, "tick": "skip"}, "targets": {"selector": "env=prod"},
            "priority": "high", "timeout_seconds": 60,
            "rolling": {"batch": {"hosts": 5}, "pause_seconds": 9, "stop_after": {"percent": 20}},
            "concurrency": {"key": "db", "per": "tenant"},
        });
        let schedule = schedule(&uptime(), &beyond);
        let beside = Beside {
            work: None,
            calendar: Some("holidays".to_owned()),
            ticks: vec![hours(1), hours(2)],
        };
        assert_eq!(
            lines(&schedule, &beside),
            [
                "id: 7",
                "name: nightly",
                "when: 30 2 * * * (Europe/Brussels), At 02:30",
                "state: active",
                "next: 2026-11-22 11:30:00 Europe/Brussels (2026-11-22 10:30:00 UTC, in 60 min)",
                ": 2026-11-22 12:30:00 Europe/Brussels (2026-11-22 11:30:00 UTC, in 2 h)",
                "runs: 3 of 10",
                "ends: 2026-11-23 09:30:00 UTC (in 24 h)",
                "last run: execution 12",
                "does: command: uptime",
                "hosts: selector env=prod",
                "missed ticks: run_once: one run for all that were missed",
                "overlap: queue: a tick waits until the run before has ended",
                "blackouts: calendar holidays (5), a tick in one is passed over",
                "priority: high",
                "timeout: 60 s",
                "batches: 5 hosts at once, 9 s between them, none after 20% of the hosts failed",
                "one at a time: of key db, in the tenant",
                "runs on the account of: anna",
                "created: 2026-11-22 09:30:00 UTC (just now) by ben",
                "changed: 2026-11-22 09:30:00 UTC (just now) by anna",
            ]
        );
    }

    #[test]
    fn what_it_runs_is_told_by_name_where_that_may_be_seen() {
        let table = [
            (
                json!({"kind": "script", "script_id": 4, "parameters": {"limit": 90}}),
                Some("disk"),
                vec![
                    "does: script disk (4), its newest version",
                    "with: {\"limit\":90}",
                ],
            ),
            (
                json!({"kind": "script", "script_id": 4, "version": 2}),
                None,
                vec!["does: script 4, version 2"],
            ),
            (
                json!({"kind": "action", "action_id": 5}),
                Some("look-up"),
                vec![
                    "does: action look-up (5), its deployed version",
                    "hosts: the action's own",
                ],
            ),
            (
                json!({"kind": "workflow", "workflow_id": 6, "inputs": {"whom": "b"}}),
                Some("greet"),
                vec![
                    "does: workflow greet (6), its published version",
                    "with: {\"whom\":\"b\"}",
                    "hosts: the workflow's own",
                ],
            ),
        ];
        for (work, name, expected) in table {
            let beside = Beside {
                work: name.map(str::to_owned),
                ..Beside::default()
            };
            let lines = lines(&schedule(&work, &json!({})), &beside);
            for line in expected {
                assert!(lines.iter().any(|told| told == line), "{line}: {lines:#?}");
            }
        }
    }

    #[test]
    fn why_nothing_begins_is_told() {
        let ended = |beyond: Value| {
            let mut schedule = schedule(&uptime(), &beyond);
            schedule.next_at = None;
            schedule
        };
        let mut paused = ended(json!({}));
        paused.paused = true;
        let mut waiting = schedule(&uptime(), &json!({}));
        waiting.waiting = Some(NOW);
        waiting.waiting_reason = Some("The run before it is not finished".to_owned());
        let table = [
            (paused, "state: paused: `postern schedule resume 7` lets it go on"),
            (
                ended(json!({"max_runs": 3})),
                "state: ended: it ran 3 times, as often as it was to",
            ),
            (
                ended(json!({"max_runs": 4, "ends_at": "2026-11-22T09:00:00Z"})),
                "state: ended: no tick is left before its end",
            ),
            (ended(json!({})), "state: ended: its expression has no tick left"),
            (
                waiting,
                "waiting: the tick of 2026-11-22 09:30:00 UTC (just now): The run before it is not finished",
            ),
        ];
        for (schedule, expected) in table {
            let lines = lines(&schedule, &Beside::default());
            assert!(
                lines.iter().any(|line| line == expected),
                "{expected}: {lines:#?}"
            );
        }
    }

    #[test]
    fn ticks_that_it_will_not_have_are_left_out() {
        let ticks: Vec<Timestamp> = (0..5).map(hours).collect();
        let left = |beyond: Value| to_come(&schedule(&uptime(), &beyond), hours(1), ticks.clone());
        assert_eq!(left(json!({})), ticks[1..]);
        assert_eq!(left(json!({"max_runs": 5})), ticks[1..3]);
        assert_eq!(left(json!({"ends_at": "2026-11-22T12:30:00Z"})), ticks[1..4]);
    }
}
