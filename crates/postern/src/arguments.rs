//! The command line. Each room's commands declare their own arguments; this is the top.

use clap::{Parser, Subcommand};

use crate::{
    commands::{agents, audit, jobs, login, manual, organizations, tokens, users},
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
    /// Sign in to a server and remember it
    Login(login::LoginArguments),
    /// Forget the server, and end the API token that `login` made
    Logout,
    /// Show who you are and what you may do
    Session,
    /// Agents: create, list, show, update, revoke, delete
    #[command(subcommand)]
    Agent(agents::AgentCommand),
    /// Jobs: run, list, show, output, cancel, retry, delete
    #[command(subcommand)]
    Job(jobs::JobCommand),
    /// API tokens: create, list, revoke
    #[command(subcommand)]
    Token(tokens::TokenCommand),
    /// Users and their roles
    #[command(subcommand)]
    User(users::UserCommand),
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
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
