//! `postern schedule …`, and `postern calendar …` beside it.

mod calendars;
mod file;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use postern_api::schedules::{CronPreview, Schedule, ScheduleCreate, ScheduleUpdate};
use postern_client::IdempotencyKey;

pub(crate) use self::calendars::{CalendarCommand, run_calendar};
use self::show::{Beside, child, print};
use super::{
    files::{self, Place, PlaceOptions},
    list::{ListArguments, closing},
    scripts::manage::write_output,
};
use crate::{clock, context::Context, failure::Failure, lookup, output::Tone, words};

#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// List schedules with their next ticks
    List(List),
    /// Show a schedule: what it does and where, its rules, and its next five ticks
    Show {
        /// Name or id
        schedule: String,
    },
    /// Create schedules from a YAML or JSON file, or change those of the same name
    #[command(after_long_help = APPLY_HELP)]
    Apply(Apply),
    /// Write a schedule as a file that `apply` reads; secrets are left out
    Export {
        /// Name or id
        schedule: String,
        /// Write here instead of to standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Give a schedule another name; what it does and whose it is stay
    Rename { schedule: String, name: String },
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

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    list: ListArguments,
    /// active, waiting, paused, ended
    #[arg(long, value_name = "STATE")]
    state: Vec<String>,
    /// What it runs: job, script, action, workflow
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// On whose account it runs: user name
    #[arg(long, value_name = "USER")]
    owner: Vec<String>,
}

const APPLY_HELP: &str = "The file has the shape of the API's request:\n\n  \
    name: nightly-cleanup\n  \
    definition:\n    \
      cron: '30 2 * * *'\n    \
      zone: Europe/Brussels\n    \
      overlap: skip        # or allow, queue\n    \
      missed: run_once     # or skip\n    \
      work: {kind: job, job: {type: command, payload: {argv: [uptime]}}}\n    \
      targets: {selector: env=prod}\n\n\
    Without `paused` a new one runs, and one that somebody paused stays paused.";

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The file; `-` is standard input
    #[arg(short, long = "file", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    place: PlaceOptions,
}

pub(crate) async fn run(command: ScheduleCommand, context: &Context<'_>) -> Result<(), Failure> {
    let (client, console) = (&context.client, context.console);
    match command {
        ScheduleCommand::List(List {
            list,
            state,
            kind,
            owner,
        }) => {
            let request = list.request(&[("state", &state), ("kind", &kind), ("owner", &owner)]);
            let page = client.schedule_list_all(&request, list.limit()).await?;
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
            let beside = if console.is_json() {
                Beside::default()
            } else {
                Beside::of(client, &found).await?
            };
            console.answer(&found, |found| print(found, &beside, console))
        }
        ScheduleCommand::Apply(apply) => {
            // All are read before one is sent: a file that cannot be read leaves nothing half done.
            let mut wanted = Vec::new();
            for path in &apply.files {
                wanted.push((path, files::read::<ScheduleCreate>(path)?));
            }
            let place = apply.place.find(client).await?;
            for (path, request) in wanted {
                schedule_apply(request, place, context)
                    .await
                    .map_err(|failure| files::of(path, failure, ""))?;
            }
            Ok(())
        }
        ScheduleCommand::Export { schedule, output } => {
            let found = lookup::schedule(client, &schedule).await?;
            if !found.secrets.is_empty() {
                console.note(&format!(
                    "left out are the values of its secrets: {}",
                    found.secrets.join(", ")
                ));
            }
            write_output(&file::write(&found)?, output.as_deref(), context)
        }
        ScheduleCommand::Rename { schedule, name } => schedule_rename(&schedule, name, context).await,
        ScheduleCommand::Preview { cron, zone } => {
            let request = CronPreview {
                cron,
                zone,
                from: None,
                until: None,
            };
            let ticks = client.cron_preview(&request).await?;
            console.answer(&ticks, |ticks| {
                console.note(&ticks.text);
                for tick in &ticks.ticks {
                    console.say(&words::on_clock(*tick, &request.zone, clock::now()));
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
                    let hosts = words::count(made.jobs.len(), "host", "hosts");
                    console.say(&format!("execution {id} on {hosts}"));
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

async fn schedule_apply(
    mut wanted: ScheduleCreate,
    place: Place,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let client = &context.client;
    let schedule = match lookup::schedule_named(client, &wanted.name).await? {
        Some(found) => {
            files::refuse_move(&found.name, place, (found.organization_id, found.department_id))?;
            let request = ScheduleUpdate {
                name: None,
                description: Some(wanted.description),
                secrets: (!wanted.secrets.is_empty()).then_some(wanted.secrets),
                definition: Some(wanted.definition),
                // Somebody may have paused it for a reason that the file does not know.
                paused: wanted.paused,
                based_on: Some(found.updated_at),
            };
            client.schedule_update(found.id, &request).await?
        }
        None => {
            if place.0.is_some() {
                (wanted.organization_id, wanted.department_id) = place;
            }
            client.schedule_create(&wanted, &IdempotencyKey::random()).await?
        }
    };
    told(&schedule, context)
}

async fn schedule_rename(text: &str, name: String, context: &Context<'_>) -> Result<(), Failure> {
    let schedule = lookup::schedule(&context.client, text).await?;
    let request = ScheduleUpdate {
        name: Some(name),
        ..ScheduleUpdate::default()
    };
    let renamed = context.client.schedule_update(schedule.id, &request).await?;
    context.console.answer(&renamed, |renamed| {
        context.console.say(&format!(
            "schedule {} is called {} now",
            schedule.name, renamed.name
        ));
    })
}

async fn pause(text: &str, paused: bool, context: &Context<'_>) -> Result<(), Failure> {
    let id = lookup::schedule(&context.client, text).await?.id;
    let request = ScheduleUpdate {
        paused: Some(paused),
        ..Default::default()
    };
    let schedule = context.client.schedule_update(id, &request).await?;
    told(&schedule, context)
}

/// As it was answered, without asking for more.
fn told(schedule: &Schedule, context: &Context<'_>) -> Result<(), Failure> {
    context.console.answer(schedule, |schedule| {
        print(schedule, &Beside::default(), context.console);
    })
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
