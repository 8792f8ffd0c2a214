//! The command line. Each room's commands declare their own arguments; this is the top.

use clap::{Parser, Subcommand};

use crate::{
    commands::{
        actions, agents, approvals, audit, executions, groups, jobs, login, manual, notify, organizations,
        schedules, scripts, serve, tokens, users, workflows,
    },
    failure::EXIT_CODES,
};

/// Runs jobs on hosts behind firewalls, through agents that dial out.
#[derive(Debug, Parser)]
#[command(
    name = "postern",
    version,
    after_long_help = EXIT_CODES,
    propagate_version = false,
    disable_help_subcommand = false,
    max_term_width = 110
)]
pub(crate) struct Arguments {
    /// Print the API's JSON instead of text for people
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(Box<serve::ServeArguments>),
    /// Print the OpenAPI document of the REST API
    #[command(hide = true)]
    Openapi,
    #[command(flatten)]
    Operator(Box<OperatorCommand>),
}

/// What is done through the API of a server.
#[derive(Debug, Subcommand)]
pub(crate) enum OperatorCommand {
    /// Sign in to a server and remember it
    Login(login::LoginArguments),
    /// Forget the server, and end the API token that `login` made
    Logout,
    /// Show who you are and what you may do
    Session,
    /// Agents: create, list, show, update, revoke, delete
    #[command(subcommand)]
    Agent(agents::AgentCommand),
    /// Jobs: run commands, scripts and operations on hosts; list, show, output, cancel, retry, delete
    #[command(subcommand)]
    Job(jobs::JobCommand),
    /// Executions, one click on Run each: list, show, cancel, retry, rerun, download
    #[command(subcommand)]
    Execution(executions::ExecutionCommand),
    /// Saved scripts: apply, list, show, diff, run, …
    #[command(subcommand)]
    Script(scripts::ScriptCommand),
    /// Libraries, prepended to the scripts that link them; `script apply` saves them
    #[command(subcommand)]
    Library(scripts::LibraryCommand),
    /// Saved operations with open parameters: apply, deploy, list, show, run, …
    #[command(subcommand)]
    Action(actions::ActionCommand),
    /// What runs again and again: apply, list, preview, pause, resume, run, ticks
    #[command(subcommand)]
    Schedule(schedules::ScheduleCommand),
    /// Blackout calendars, in which schedules do not begin anything
    #[command(subcommand)]
    Calendar(schedules::CalendarCommand),
    /// Workflows, steps that lead to each other: apply, validate, publish, run, …
    #[command(subcommand)]
    Workflow(workflows::WorkflowCommand),
    /// Instances, one run of a workflow each: list, show, events, watch, cancel
    #[command(subcommand)]
    Instance(workflows::InstanceCommand),
    /// Approvals, the questions that workflows wait for: list, show, approve, reject, delegate
    #[command(subcommand)]
    Approval(approvals::ApprovalCommand),
    /// Webhooks, programs elsewhere that are told of what happens: create, list, show, update, test, delete
    #[command(subcommand)]
    Webhook(notify::WebhookCommand),
    /// Messages on their way to people and webhooks: list, show, retry
    #[command(subcommand)]
    Delivery(notify::DeliveryCommand),
    /// E-mail of this server: show, test
    #[command(subcommand)]
    Mail(notify::MailCommand),
    /// Saved groups of hosts: list, show, create, update, delete
    #[command(subcommand)]
    Group(groups::GroupCommand),
    /// API tokens: create, list, revoke
    #[command(subcommand)]
    Token(tokens::TokenCommand),
    /// Users and their roles
    #[command(subcommand)]
    User(users::UserCommand),
    /// Your own password: change
    #[command(subcommand)]
    Password(users::PasswordCommand),
    /// The built-in roles
    #[command(subcommand)]
    Role(users::RoleCommand),
    /// Organizations: list, create, update
    #[command(subcommand)]
    Organization(organizations::OrganizationCommand),
    /// Departments of an organization
    #[command(subcommand)]
    Department(organizations::DepartmentCommand),
    /// The audit trail: list, verify
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Print a completion script: `source <(postern completions bash)`
    Completions(manual::CompletionsArguments),
    /// Write manual pages into a folder
    Man(manual::ManArguments),
    /// Print the version
    Version,
}

#[cfg(test)]
mod tests {
    use clap::{Command as Described, CommandFactory as _};

    use super::*;

    fn help(command: &mut Described, path: &str, all: &mut String) {
        let path = format!("{path} {}", command.get_name());
        let text = command.clone().term_width(100).render_long_help().to_string();
        all.push_str(&format!("## {}\n\n{}\n", path.trim(), text.trim_end()));
        for below in command
            .get_subcommands_mut()
            .filter(|below| below.get_name() != "help")
        {
            help(below, &path, all);
        }
    }

    /// What a user sees changes only on purpose.
    #[test]
    fn the_help_of_every_command() {
        let mut all = String::new();
        help(&mut Arguments::command(), "", &mut all);
        insta::assert_snapshot!("help", all);
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
