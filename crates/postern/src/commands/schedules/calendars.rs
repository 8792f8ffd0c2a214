//! `postern calendar …`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use postern_api::schedules::{Calendar, CalendarCreate, CalendarUpdate};
use postern_client::IdempotencyKey;

use super::Apply;
use crate::{
    clock,
    commands::{
        files,
        list::{ListArguments, closing},
    },
    context::Context,
    failure::Failure,
    lookup,
    output::Tone,
    words,
};

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
    /// Delete a calendar that neither a schedule nor a host group goes by
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
            let place = apply.place.find(client).await?;
            for path in &apply.files {
                let mut request: CalendarCreate = files::read(path)?;
                if place.0.is_some() {
                    (request.organization_id, request.department_id) = place;
                }
                let calendar = client
                    .calendar_create(&request, &IdempotencyKey::random())
                    .await
                    .map_err(|error| files::of(path, error.into(), ""))?;
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
        Some(path) => files::read(path)?,
        None => CalendarUpdate::default(),
    };
    let mut request = CalendarUpdate {
        name: change.name.or(written.name),
        description: change.description.or(written.description),
        zone: change.zone.or(written.zone),
        entries: written.entries,
        based_on: written.based_on,
    };
    if request == CalendarUpdate::default() {
        return Err(Failure::usage(
            "nothing to change: give --name, --description, --zone or --file",
        ));
    }
    let found = lookup::calendar(&context.client, &change.calendar).await?;
    if request.based_on.is_none() {
        request.based_on = Some(found.sha256);
    }
    let calendar = context.client.calendar_update(found.id, &request).await?;
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
    let mut fields = vec![
        ("id", calendar.id.to_string()),
        ("name", calendar.name.clone()),
        ("description", calendar.description.clone()),
        ("zone", calendar.zone.clone()),
        ("blackout", dark(calendar)),
    ];
    let names = std::iter::once("entries").chain(std::iter::repeat(""));
    fields.extend(names.zip(calendar.entries.iter().map(words::entry)));
    fields.push(("used by", calendar.used_by.join(", ")));
    context.console.fields(&fields);
}
