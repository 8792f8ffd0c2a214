//! `postern agent …`

use clap::{Args, Subcommand};
use postern_api::agents::{Agent, AgentCreate, AgentEnrollment, AgentUpdate};
use postern_client::{Error, IdempotencyKey, Revoke};
use postern_domain::{
    DepartmentId, Timestamp,
    agent::{Connection, CredentialState, Health},
    label::{self, Labels},
};
use serde_json::json;

use super::list::{ListArguments, closing};
use crate::{
    clock,
    context::Context,
    failure::Failure,
    lookup,
    output::{Console, Tone},
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Create an agent and print the commands that start it; they are shown once
    Create(Create),
    /// List agents
    List(List),
    /// Show one agent
    Show {
        /// Name or id
        agent: String,
    },
    /// Change an agent's name, place, labels, or whether it gets work
    Update(Update),
    /// End an agent's credential: within seconds it can do nothing more
    Revoke {
        /// Name or id
        agent: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Delete an agent that is no longer live
    Delete {
        /// Name or id
        agent: String,
        /// End a live credential as well
        #[arg(long)]
        revoke: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Make a new enrolment token for an agent: its command was lost, or it is locked or revoked
    Token {
        /// Name or id
        agent: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Letters, digits, '.', '_' and '-'
    name: String,
    /// A label; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label::parse_pair)]
    labels: Vec<(String, String)>,
    /// Organization, by name or id; the first one when absent
    #[arg(long, value_name = "ORGANIZATION")]
    organization: Option<String>,
    /// Department, by name or id
    #[arg(long, value_name = "DEPARTMENT")]
    department: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    list: ListArguments,
    /// Only of this organization
    #[arg(long, value_name = "ORGANIZATION")]
    organization: Vec<String>,
    /// Only of this department
    #[arg(long, value_name = "DEPARTMENT")]
    department: Vec<String>,
    /// Only with this label
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label::parse_pair)]
    labels: Vec<(String, String)>,
    /// in_progress, running, heartbeat_failed
    #[arg(long, value_name = "HEALTH")]
    health: Vec<String>,
    /// pending, connected, disconnected
    #[arg(long, value_name = "CONNECTION")]
    connection: Vec<String>,
    /// none, live, expired, revoked, locked
    #[arg(long, value_name = "CREDENTIAL")]
    credential: Vec<String>,
    /// Whether it gets work: true, false
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
    /// Only of this version
    #[arg(long, value_name = "VERSION")]
    agent_version: Vec<String>,
    /// Only on this operating system
    #[arg(long, value_name = "OS")]
    os: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Name or id
    agent: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    /// Move to this organization, by name or id
    #[arg(long, value_name = "ORGANIZATION")]
    organization: Option<String>,
    /// Move to this department, by name or id
    #[arg(long, value_name = "DEPARTMENT", conflicts_with = "no_department")]
    department: Option<String>,
    /// Take out of its department
    #[arg(long)]
    no_department: bool,
    /// Add or change a label
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label::parse_pair)]
    labels: Vec<(String, String)>,
    /// Remove a label
    #[arg(long = "remove-label", value_name = "KEY")]
    removed_labels: Vec<String>,
    /// Whether it gets work; it stays connected either way
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
}

pub(crate) async fn run(command: AgentCommand, context: &Context<'_>) -> Result<(), Failure> {
    match command {
        AgentCommand::Create(create) => agent_create(create, context).await,
        AgentCommand::List(list) => agent_list(list, context).await,
        AgentCommand::Show { agent } => {
            let agent = lookup::agent(&context.client, &agent).await?;
            context
                .console
                .answer(&agent, |agent| print_agent(agent, context.console))
        }
        AgentCommand::Update(update) => agent_update(update, context).await,
        AgentCommand::Revoke { agent, yes } => agent_revoke(&agent, yes, context).await,
        AgentCommand::Delete { agent, revoke, yes } => {
            let revoke = if revoke { Revoke::Yes } else { Revoke::No };
            agent_delete(&agent, revoke, yes, context).await
        }
        AgentCommand::Token { agent } => {
            let agent = lookup::agent(&context.client, &agent).await?;
            let key = IdempotencyKey::random();
            let enrollment = context.client.enrollment_token_create(agent.id, &key).await?;
            print_enrollment(&enrollment, context.console)
        }
    }
}

async fn agent_create(create: Create, context: &Context<'_>) -> Result<(), Failure> {
    let (organization_id, department_id) = lookup::place(
        &context.client,
        create.organization.as_deref(),
        create.department.as_deref(),
    )
    .await?;
    let request = AgentCreate {
        name: create.name,
        organization_id,
        department_id,
        labels: create.labels.into_iter().collect(),
    };
    let enrollment = context
        .client
        .agent_create(&request, &IdempotencyKey::random())
        .await?;
    print_enrollment(&enrollment, context.console)
}

async fn agent_list(list: List, context: &Context<'_>) -> Result<(), Failure> {
    let active: Vec<String> = list.active.iter().map(ToString::to_string).collect();
    let mut request = list.list.request(&[
        ("organization", &list.organization),
        ("department", &list.department),
        ("health", &list.health),
        ("connection", &list.connection),
        ("credential", &list.credential),
        ("active", &active),
        ("version", &list.agent_version),
        ("os", &list.os),
    ]);
    // Every label must hold, so each is a filter of its own.
    let labels = list.labels.iter();
    request
        .filter
        .extend(labels.map(|(key, value)| ("label".to_owned(), format!("{key}={value}"))));
    let page = context.client.agent_list_all(&request, list.list.limit()).await?;
    context.console.answer(&page, |page| {
        let now = clock::now();
        if !page.items.is_empty() {
            context
                .console
                .table(&COLUMNS, page.items.iter().map(|agent| row(agent, now)).collect());
        }
        closing(context.console, page, "agents");
    })
}

const COLUMNS: [&str; 10] = [
    "ID",
    "NAME",
    "ORGANIZATION",
    "ACTIVE",
    "HEALTH",
    "CONNECTION",
    "CREDENTIAL",
    "LAST SEEN",
    "VERSION",
    "LABELS",
];

fn row(agent: &Agent, now: Timestamp) -> Vec<(String, Tone)> {
    let plain = |text: String| (text, Tone::Plain);
    let organization = match &agent.department {
        Some(department) => format!("{}/{department}", agent.organization),
        None => agent.organization.clone(),
    };
    vec![
        plain(agent.id.to_string()),
        plain(agent.name.clone()),
        plain(organization),
        if agent.active {
            plain("yes".into())
        } else {
            ("no".into(), Tone::Busy)
        },
        health(agent.health),
        connection(agent.connection),
        credential(agent, now),
        plain(
            agent
                .last_seen_at
                .map_or("never".into(), |seen| words::relative(seen, now)),
        ),
        plain(agent.version.clone().unwrap_or_default()),
        plain(words::labels(&agent.labels)),
    ]
}

fn health(health: Health) -> (String, Tone) {
    let (text, tone) = match health {
        Health::InProgress => ("in_progress", Tone::Busy),
        Health::Running => ("running", Tone::Good),
        Health::HeartbeatFailed => ("heartbeat_failed", Tone::Bad),
    };
    (text.into(), tone)
}

fn connection(connection: Connection) -> (String, Tone) {
    let (text, tone) = match connection {
        Connection::Pending => ("pending", Tone::Busy),
        Connection::Connected => ("connected", Tone::Good),
        Connection::Disconnected => ("disconnected", Tone::Bad),
    };
    (text.into(), tone)
}

fn credential(agent: &Agent, now: Timestamp) -> (String, Tone) {
    let days = agent
        .credential_expires_at
        .map_or(0, |end| end.since(now).as_secs() / 86_400);
    match agent.credential {
        CredentialState::None => ("none".into(), Tone::Plain),
        CredentialState::Live => (format!("{} left", words::count(days, "day", "days")), Tone::Plain),
        CredentialState::Expired => ("expired".into(), Tone::Bad),
        CredentialState::Revoked => ("revoked".into(), Tone::Bad),
        CredentialState::Locked => ("locked".into(), Tone::Bad),
    }
}

fn print_agent(agent: &Agent, console: &Console) {
    let now = clock::now();
    let time = |time: Option<Timestamp>| time.map(|time| words::absolute(time, now)).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    console.fields(&[
        ("id", agent.id.to_string()),
        ("name", agent.name.clone()),
        ("organization", agent.organization.clone()),
        ("department", text(&agent.department)),
        ("labels", words::labels(&agent.labels)),
        (
            "active",
            if agent.active {
                "yes".into()
            } else {
                "no: it gets no work".into()
            },
        ),
        ("health", health(agent.health).0),
        ("connection", connection(agent.connection).0),
        ("credential", credential(agent, now).0),
        ("expires", time(agent.credential_expires_at)),
        ("enrolment until", time(agent.enrollment_expires_at)),
        ("created", time(Some(agent.created_at))),
        (
            "last seen",
            agent
                .last_seen_at
                .map_or("never".into(), |seen| words::absolute(seen, now)),
        ),
        ("version", text(&agent.version)),
        ("host", text(&agent.hostname)),
        (
            "system",
            [text(&agent.os), text(&agent.arch)].join(" ").trim().to_owned(),
        ),
        ("languages", agent.languages.join(", ")),
        (
            "runs as root",
            agent
                .root
                .map_or("", |root| if root { "yes" } else { "no" })
                .to_owned(),
        ),
        ("slots", agent.slots.to_string()),
    ]);
}

/// In JSON what a script needs stands at the top.
fn print_enrollment(enrollment: &AgentEnrollment, console: &Console) -> Result<(), Failure> {
    if console.is_json() {
        return console.json(&json!({
            "id": enrollment.agent.id,
            "name": enrollment.agent.name,
            "enrollment_token": enrollment.enrollment_token,
            "expires_at": enrollment.expires_at,
            "docker_command": enrollment.docker_command,
            "install_command": enrollment.install_command,
            "run_command": enrollment.run_command,
            "agent": enrollment.agent,
        }));
    }
    let until = words::absolute(enrollment.expires_at, clock::now());
    console.say(&format!(
        "agent {} ({})\n",
        enrollment.agent.name, enrollment.agent.id
    ));
    console.say("Start it with one of these. The token in them works once and is not shown again;");
    console.say(&format!("it ends {until}.\n"));
    for (title, command) in [
        ("In a container:", &enrollment.docker_command),
        ("On a Linux host, as root:", &enrollment.install_command),
        ("Where postern-agent is already there:", &enrollment.run_command),
    ] {
        console.say(&format!("{title}\n  {command}\n"));
    }
    Ok(())
}

async fn agent_update(update: Update, context: &Context<'_>) -> Result<(), Failure> {
    let agent = lookup::agent(&context.client, &update.agent).await?;
    let request = changes(&update, &agent, context).await?;
    if request == AgentUpdate::default() {
        return Err(Failure::usage(
            "nothing to change: give --name, --organization, --department, --label, --remove-label or --active",
        ));
    }
    let agent = context.client.agent_update(agent.id, &request).await?;
    context
        .console
        .answer(&agent, |agent| print_agent(agent, context.console))
}

async fn changes(update: &Update, agent: &Agent, context: &Context<'_>) -> Result<AgentUpdate, Failure> {
    let (organization_id, department_id) = match (&update.organization, &update.department) {
        (None, None) => (None, None),
        // Without a new organization, a department's name is looked for in the present one.
        (None, Some(department)) => {
            let here = Some(agent.organization_id);
            let (_, department) = lookup::department(&context.client, department, here).await?;
            (None, Some(department))
        }
        (organization, department) => {
            lookup::place(&context.client, organization.as_deref(), department.as_deref()).await?
        }
    };
    let labels = changed_labels(&agent.labels, &update.labels, &update.removed_labels)?;
    Ok(AgentUpdate {
        name: update.name.clone(),
        organization_id,
        department_id: if update.no_department {
            Some(DepartmentId(0))
        } else {
            department_id
        },
        labels,
        active: update.active,
    })
}

/// The API replaces all labels; on the command line one is added or removed at a time.
fn changed_labels(
    present: &Labels,
    set: &[(String, String)],
    removed: &[String],
) -> Result<Option<Labels>, Failure> {
    if set.is_empty() && removed.is_empty() {
        return Ok(None);
    }
    let mut labels = present.clone();
    for key in removed {
        if labels.remove(key).is_none() {
            return Err(Failure::usage(format!(
                "the agent has no label {key:?}; it has {}",
                words::labels(present)
            )));
        }
    }
    labels.extend(set.iter().cloned());
    Ok(Some(labels))
}

async fn agent_revoke(agent: &str, yes: bool, context: &Context<'_>) -> Result<(), Failure> {
    let agent = lookup::agent(&context.client, agent).await?;
    context.console.confirm(
        &format!("End the credential of agent {} ({})?", agent.name, agent.id),
        yes,
    )?;
    let agent = context.client.agent_revoke(agent.id).await?;
    context.console.answer(&agent, |agent| {
        context.console.say(&format!(
            "agent {} ({}) is revoked; `postern agent token {}` lets it join again",
            agent.name, agent.id, agent.id
        ));
    })
}

async fn agent_delete(agent: &str, revoke: Revoke, yes: bool, context: &Context<'_>) -> Result<(), Failure> {
    let agent = lookup::agent(&context.client, agent).await?;
    let how = if revoke == Revoke::Yes {
        "Revoke and delete"
    } else {
        "Delete"
    };
    context
        .console
        .confirm(&format!("{how} agent {} ({})?", agent.name, agent.id), yes)?;
    let deleted = context.client.agent_delete(agent.id, revoke).await;
    deleted.map_err(|error| in_options(error, &agent))?;
    if !context.console.is_json() {
        context
            .console
            .say(&format!("agent {} ({}) is deleted", agent.name, agent.id));
    }
    Ok(())
}

/// The server speaks of the parameter of its API.
fn in_options(error: Error, agent: &Agent) -> Failure {
    match error {
        Error::Problem(mut problem) if problem.code == "credential_live" => {
            problem.detail = format!(
                "the credential of agent {} is live: end it first (`postern agent revoke {}`), or delete with --revoke to do both",
                agent.name, agent.id
            );
            Error::Problem(problem).into()
        }
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_added_changed_and_removed_one_at_a_time() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let present = Labels::from([pair("env", "prod"), pair("role", "web")]);
        assert!(changed_labels(&present, &[], &[]).unwrap().is_none());
        let changed = changed_labels(
            &present,
            &[pair("env", "test"), pair("zone", "a")],
            &["role".into()],
        );
        assert_eq!(
            changed.unwrap(),
            Some(Labels::from([pair("env", "test"), pair("zone", "a")]))
        );
        assert!(changed_labels(&present, &[], &["rack".into()]).is_err());
    }
}
