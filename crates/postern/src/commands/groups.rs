//! `postern group …`: saved groups of hosts.

use clap::{Args, Subcommand};
use postern_api::groups::{BlackoutJobs, Group, GroupBlackout, GroupCreate, GroupUpdate};
use postern_client::{Client, IdempotencyKey};
use postern_domain::CalendarId;

use super::{
    jobs::options::TargetOptions,
    list::{ListArguments, closing},
};
use crate::{context::Context, failure::Failure, lookup, output::Tone, words};

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// List host groups
    List(ListArguments),
    /// Show a group, and the hosts it means now
    Show {
        /// Name or id
        group: String,
    },
    /// Save a group of hosts under a name
    Create(Box<Create>),
    /// Change a group; hosts that are named here take the place of those it had
    Update(Box<Update>),
    /// Delete a group; its hosts stay
    Delete {
        /// Name or id
        group: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    name: String,
    #[arg(long, default_value = "")]
    description: String,
    /// Organization it belongs to, by name or id [default: the whole tenant]
    #[arg(long, value_name = "ORGANIZATION")]
    in_organization: Option<String>,
    /// Department it belongs to, by name or id
    #[arg(long, value_name = "DEPARTMENT")]
    in_department: Option<String>,
    #[command(flatten)]
    targets: TargetOptions,
    #[command(flatten)]
    blackout: BlackoutOptions,
}

#[derive(Debug, Args)]
pub(crate) struct BlackoutOptions {
    /// Calendar (name or id) in whose blackouts the group's jobs do not begin
    #[arg(long, value_name = "CALENDAR")]
    blackout: Option<String>,
    /// What becomes of them then: wait for the end, or skip (be cancelled)
    #[arg(long, value_name = "wait|skip", value_parser = jobs_then, default_value = "wait", requires = "blackout")]
    blackout_jobs: BlackoutJobs,
}

fn jobs_then(text: &str) -> Result<BlackoutJobs, String> {
    BlackoutJobs::parse(text).ok_or_else(|| "give wait or skip".to_owned())
}

impl BlackoutOptions {
    async fn read(&self, client: &Client) -> Result<Option<GroupBlackout>, Failure> {
        let Some(calendar) = &self.blackout else {
            return Ok(None);
        };
        Ok(Some(GroupBlackout {
            calendar_id: lookup::calendar(client, calendar).await?.id,
            jobs: self.blackout_jobs,
        }))
    }
}

#[derive(Debug, Args)]
#[command(mut_group("targets", |group| group.required(false)))]
pub(crate) struct Update {
    /// Name or id
    group: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    #[arg(long)]
    description: Option<String>,
    #[command(flatten)]
    targets: Option<TargetOptions>,
    #[command(flatten)]
    blackout: BlackoutOptions,
    /// It goes by no calendar any more
    #[arg(long, conflicts_with = "blackout")]
    no_blackout: bool,
}

pub(crate) async fn run(command: GroupCommand, context: &Context<'_>) -> Result<(), Failure> {
    let (client, console) = (&context.client, context.console);
    match command {
        GroupCommand::List(list) => {
            let page = client.group_list_all(&list.request(&[]), list.limit()).await?;
            console.answer(&page, |page| {
                let rows = page.items.iter().map(|group| {
                    [
                        group.id.to_string(),
                        group.name.clone(),
                        group.description.clone(),
                    ]
                    .into_iter()
                    .map(|text| (text, Tone::Plain))
                    .collect()
                });
                if !page.items.is_empty() {
                    console.table(&["ID", "NAME", "DESCRIPTION"], rows.collect());
                }
                closing(console, page, "groups");
            })
        }
        GroupCommand::Show { group } => {
            let group = lookup::group(client, &group).await?;
            let hosts = client.target_preview(&group.targets).await;
            console.answer(&group, |group| {
                print(group, context);
                let Ok(hosts) = hosts else {
                    console.note("no host on which you may run jobs is in it now");
                    return;
                };
                let rows = hosts.hosts.iter().map(|host| {
                    let connection = format!("{:?}", host.connection).to_lowercase();
                    vec![(host.agent.clone(), Tone::Plain), (connection, Tone::Plain)]
                });
                console.table(&["HOST", "CONNECTION"], rows.collect());
            })
        }
        GroupCommand::Create(create) => {
            let (organization_id, department_id) = lookup::place(
                client,
                create.in_organization.as_deref(),
                create.in_department.as_deref(),
            )
            .await?;
            let request = GroupCreate {
                name: create.name,
                description: create.description,
                organization_id,
                department_id,
                targets: create.targets.targets(),
                blackout: create.blackout.read(client).await?,
            };
            let group = client.group_create(&request, &IdempotencyKey::random()).await?;
            console.answer(&group, |group| print(group, context))
        }
        GroupCommand::Update(update) => {
            let none = GroupBlackout {
                calendar_id: CalendarId(0),
                jobs: BlackoutJobs::Wait,
            };
            let blackout = update.blackout.read(client).await?;
            let mut request = GroupUpdate {
                name: update.name,
                description: update.description,
                targets: update.targets.as_ref().map(TargetOptions::targets),
                blackout: blackout.or(update.no_blackout.then_some(none)),
                based_on: None,
            };
            if request == GroupUpdate::default() {
                return Err(Failure::usage(
                    "nothing to change: give --name, --description, --blackout, --no-blackout or the hosts it shall have",
                ));
            }
            let found = lookup::group(client, &update.group).await?;
            request.based_on = Some(found.sha256);
            let group = client.group_update(found.id, &request).await?;
            console.answer(&group, |group| print(group, context))
        }
        GroupCommand::Delete { group, yes } => {
            let group = lookup::group(client, &group).await?;
            console.confirm(&format!("Delete host group {}?", group.name), yes)?;
            client.group_delete(group.id).await?;
            if !console.is_json() {
                console.say(&format!("host group {} is deleted", group.name));
            }
            Ok(())
        }
    }
}

fn print(group: &Group, context: &Context<'_>) {
    let blackout = group.blackout.as_ref().map_or_else(String::new, |blackout| {
        format!(
            "calendar {}: jobs {}",
            blackout.calendar_id,
            blackout.jobs.as_str()
        )
    });
    context.console.fields(&[
        ("id", group.id.to_string()),
        ("name", group.name.clone()),
        ("description", group.description.clone()),
        ("hosts", words::targets(&group.targets)),
        ("blackout", blackout),
        ("created by", group.created_by.clone()),
    ]);
}
