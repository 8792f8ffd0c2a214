//! `postern schedule …` and `postern calendar …`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use postern_api::schedules::{
    Calendar, CalendarCreate, CalendarUpdate, CronPreview, Schedule, ScheduleCreate, ScheduleUpdate,
};
use postern_client::IdempotencyKey;
use postern_domain::{ExecutionId, InstanceId};
use serde::de::DeserializeOwned;

use super::{
    jobs::request::read_script,
    list::{ListArguments, closing},
};
use crate::{clock, context::Context, failure::Failure, lookup, output::Tone, words};

#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// List schedules with their next ticks
    List(ListArguments),
    /// Show a schedule
    Show {
        /// Name or id
        schedule: String,
    },
    /// Create schedules from a YAML or JSON file, or change those of the same name
    #[command(after_long_help = APPLY_HELP)]
    Apply(Apply),
    /// The next five ticks of a cron expression
    Preview {
        /// Five fields, in quotes: '30 2 * * *'
        cron: String,
        /// Time zone, like Europe/Brussels
        #[arg(long, default_value = "UTC")]
        zone: String,
    },
    /// Begin nothing until it is resumed
    Pause { schedule: String },
    /// Go on with the next tick
    Resume { schedule: String },
    /// Run it now, besides its ticks
    Run { schedule: String },
    /// What became of its ticks, newest first
    Ticks {
        schedule: String,
        #[command(flatten)]
        list: ListArguments,
    },
    /// Delete a schedule; what it ran stays
    Delete {
        schedule: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

const APPLY_HELP: &str = "The file has the shape of the API's request:\n\n  \
    name: nightly-cleanup\n  \
    definition:\n    \
      cron: 30 2 * * *\n    \
      zone: Europe/Brussels\n    \
      overlap: skip        # or allow, queue\n    \
      missed: run_once     # or skip\n    \
      work: {kind: job, job: {type: command, payload: {argv: [uptime]}}}\n    \
      targets: {selector: env=prod}";

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The file; `-` is standard input
    #[arg(short, long = "file", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CalendarCommand {
    /// List blackout calendars
    List(ListArguments),
    /// Show a calendar
    Show {
        /// Name or id
        calendar: String,
    },
    /// Create a calendar from a YAML or JSON file
    #[command(after_long_help = CALENDAR_HELP)]
    Create(Apply),
    /// Change a calendar; what is not given stays
    Update(CalendarChange),
    /// Delete a calendar that no schedule uses
    Delete {
        /// Name or id
        calendar: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

const CALENDAR_HELP: &str = "The file has the shape of the API's request:\n\n  \
    name: nights\n  \
    zone: Europe/Brussels\n  \
    entries:\n    \
      - {kind: weekly, days: [saturday], from: '22:00', to: '06:00'}";

#[derive(Debug, Args)]
pub(crate) struct CalendarChange {
    /// Name or id
    calendar: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    #[arg(long)]
    description: Option<String>,
    /// Time zone, like Europe/Brussels
    #[arg(long)]
    zone: Option<String>,
    /// YAML or JSON with `entries`, which take the place of those it has, or with any of the above; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// YAML, of which JSON is a part.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = read_script(path)?;
    serde_saphyr::from_str(&text).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

pub(crate) async fn run(command: ScheduleCommand, context: &Context<'_>) -> Result<(), Failure> {
    let (client, console) = (&context.client, context.console);
    match command {
        ScheduleCommand::List(list) => {
            let page = client.schedule_list_all(&list.request(&[]), list.limit()).await?;
            console.answer(&page, |page| {
                if !page.items.is_empty() {
                    let head = ["ID", "NAME", "WHEN", "ZONE", "NEXT", "RUNS"];
                    console.table(&head, page.items.iter().map(row).collect());
                }
                closing(console, page, "schedules");
            })
        }
        ScheduleCommand::Show { schedule } => {
            let found = lookup::schedule(client, &schedule).await?;
            console.answer(&found, |found| print(found, context))
        }
        ScheduleCommand::Apply(apply) => {
            for path in &apply.files {
                schedule_apply(read(path)?, context).await?;
            }
            Ok(())
        }
        ScheduleCommand::Preview { cron, zone } => {
            let ticks = client.cron_preview(&CronPreview { cron, zone }).await?;
            console.answer(&ticks, |ticks| {
                console.note(&ticks.text);
                for tick in &ticks.ticks {
                    console.say(&words::absolute(*tick, clock::now()));
                }
            })
        }
        ScheduleCommand::Pause { schedule } => pause(&schedule, true, context).await,
        ScheduleCommand::Resume { schedule } => pause(&schedule, false, context).await,
        ScheduleCommand::Run { schedule } => {
            let id = lookup::schedule(client, &schedule).await?.id;
            let made = client.schedule_run(id, &IdempotencyKey::random()).await?;
            console.answer(&made, |made| {
                if let Some(id) = made.execution_id {
                    console.say(&format!("execution {id} on {} hosts", made.jobs.len()));
                }
                if let Some(id) = made.instance_id {
                    console.say(&format!("instance {id}"));
                }
            })
        }
        ScheduleCommand::Ticks { schedule, list } => {
            let id = lookup::schedule(client, &schedule).await?.id;
            let page = client
                .schedule_tick_list_all(id, &list.request(&[]), list.limit())
                .await?;
            console.answer(&page, |page| {
                let rows = page.items.iter().map(|tick| {
                    [
                        words::absolute(tick.at, clock::now()),
                        tick.fate.as_str().replace('_', " "),
                        child(tick.execution_id, tick.instance_id),
                        tick.reason.clone().unwrap_or_default(),
                    ]
                    .into_iter()
                    .map(|text| (text, Tone::Plain))
                    .collect()
                });
                if !page.items.is_empty() {
                    console.table(&["TICK", "BECAME", "EXECUTION", "REASON"], rows.collect());
                }
                closing(console, page, "ticks");
            })
        }
        ScheduleCommand::Delete { schedule, yes } => {
            let found = lookup::schedule(client, &schedule).await?;
            console.confirm(&format!("Delete schedule {}?", found.name), yes)?;
            client.schedule_delete(found.id).await?;
            if !console.is_json() {
                console.say(&format!("schedule {} is deleted", found.name));
            }
            Ok(())
        }
    }
}

async fn schedule_apply(wanted: ScheduleCreate, context: &Context<'_>) -> Result<(), Failure> {
    let client = &context.client;
    let schedule = match lookup::schedule_named(client, &wanted.name).await? {
        Some(found) => {
            let request = ScheduleUpdate {
                name: None,
                description: Some(wanted.description),
                secrets: (!wanted.secrets.is_empty()).then_some(wanted.secrets),
                definition: Some(wanted.definition),
                paused: Some(wanted.paused),
            };
            client.schedule_update(found.id, &request).await?
        }
        None => client.schedule_create(&wanted, &IdempotencyKey::random()).await?,
    };
    context
        .console
        .answer(&schedule, |schedule| print(schedule, context))
}

async fn pause(text: &str, paused: bool, context: &Context<'_>) -> Result<(), Failure> {
    let id = lookup::schedule(&context.client, text).await?.id;
    let request = ScheduleUpdate {
        paused: Some(paused),
        ..Default::default()
    };
    let schedule = context.client.schedule_update(id, &request).await?;
    context
        .console
        .answer(&schedule, |schedule| print(schedule, context))
}

fn next(schedule: &Schedule) -> String {
    match schedule.next_at {
        _ if schedule.paused => "paused".to_owned(),
        Some(next) => words::relative(next, clock::now()),
        None => "ended".to_owned(),
    }
}

fn row(schedule: &Schedule) -> Vec<(String, Tone)> {
    [
        schedule.id.to_string(),
        schedule.name.clone(),
        schedule.definition.cron.clone(),
        schedule.definition.zone.clone(),
        next(schedule),
        schedule.runs.to_string(),
    ]
    .into_iter()
    .map(|text| (text, Tone::Plain))
    .collect()
}

fn print(schedule: &Schedule, context: &Context<'_>) {
    let now = clock::now();
    let time = |time: Option<postern_domain::Timestamp>| {
        time.map(|time| words::absolute(time, now)).unwrap_or_default()
    };
    let definition = &schedule.definition;
    context.console.fields(&[
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
        ("state", next(schedule)),
        ("next", time(schedule.next_at)),
        ("waiting", time(schedule.waiting)),
        ("runs", schedule.runs.to_string()),
        ("ends", time(definition.ends_at)),
        (
            "last run",
            child(schedule.last_execution_id, schedule.last_instance_id),
        ),
        ("secrets", schedule.secrets.join(", ")),
        ("runs on the account of", schedule.owner.clone()),
    ]);
}

/// What a run made: jobs, or an instance of a workflow.
fn child(execution: Option<ExecutionId>, instance: Option<InstanceId>) -> String {
    match (execution, instance) {
        (Some(id), _) => format!("execution {id}"),
        (None, Some(id)) => format!("instance {id}"),
        (None, None) => String::new(),
    }
}

pub(crate) async fn run_calendar(command: CalendarCommand, context: &Context<'_>) -> Result<(), Failure> {
    let (client, console) = (&context.client, context.console);
    match command {
        CalendarCommand::List(list) => {
            let page = client.calendar_list_all(&list.request(&[]), list.limit()).await?;
            console.answer(&page, |page| {
                let rows = page.items.iter().map(|calendar| {
                    [
                        calendar.id.to_string(),
                        calendar.name.clone(),
                        calendar.zone.clone(),
                        dark(calendar),
                    ]
                    .into_iter()
                    .map(|text| (text, Tone::Plain))
                    .collect()
                });
                if !page.items.is_empty() {
                    console.table(&["ID", "NAME", "ZONE", "BLACKOUT"], rows.collect());
                }
                closing(console, page, "calendars");
            })
        }
        CalendarCommand::Show { calendar } => {
            let calendar = lookup::calendar(client, &calendar).await?;
            console.answer(&calendar, |calendar| print_calendar(calendar, context))
        }
        CalendarCommand::Create(apply) => {
            for path in &apply.files {
                let request: CalendarCreate = read(path)?;
                let calendar = client
                    .calendar_create(&request, &IdempotencyKey::random())
                    .await?;
                console.answer(&calendar, |calendar| print_calendar(calendar, context))?;
            }
            Ok(())
        }
        CalendarCommand::Update(change) => calendar_update(change, context).await,
        CalendarCommand::Delete { calendar, yes } => {
            let calendar = lookup::calendar(client, &calendar).await?;
            console.confirm(&format!("Delete calendar {}?", calendar.name), yes)?;
            client.calendar_delete(calendar.id).await?;
            if !console.is_json() {
                console.say(&format!("calendar {} is deleted", calendar.name));
            }
            Ok(())
        }
    }
}

async fn calendar_update(change: CalendarChange, context: &Context<'_>) -> Result<(), Failure> {
    let written: CalendarUpdate = match &change.file {
        Some(path) => read(path)?,
        None => CalendarUpdate::default(),
    };
    let request = CalendarUpdate {
        name: change.name.or(written.name),
        description: change.description.or(written.description),
        zone: change.zone.or(written.zone),
        entries: written.entries,
    };
    if request == CalendarUpdate::default() {
        return Err(Failure::usage(
            "nothing to change: give --name, --description, --zone or --file",
        ));
    }
    let id = lookup::calendar(&context.client, &change.calendar).await?.id;
    let calendar = context.client.calendar_update(id, &request).await?;
    context
        .console
        .answer(&calendar, |calendar| print_calendar(calendar, context))
}

fn dark(calendar: &Calendar) -> String {
    match calendar.blackout_until {
        Some(until) => format!("until {}", words::absolute(until, clock::now())),
        None => "not now".to_owned(),
    }
}

fn print_calendar(calendar: &Calendar, context: &Context<'_>) {
    context.console.fields(&[
        ("id", calendar.id.to_string()),
        ("name", calendar.name.clone()),
        ("description", calendar.description.clone()),
        ("zone", calendar.zone.clone()),
        ("blackout", dark(calendar)),
        (
            "entries",
            serde_json::to_string(&calendar.entries).unwrap_or_default(),
        ),
        ("used by", calendar.used_by.join(", ")),
    ]);
}
