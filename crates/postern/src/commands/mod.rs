//! The commands, by room. One command is one operation of the API, or says why it is more.

pub(crate) mod agents;
pub(crate) mod audit;
pub(crate) mod jobs;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod manual;
pub(crate) mod organizations;
pub(crate) mod tokens;
pub(crate) mod users;

use std::process::ExitCode;

use crate::{arguments::Command, context::Context, failure::Failure, output::Console};

pub(crate) async fn run(command: Command, console: &Console) -> Result<ExitCode, Failure> {
    let context = || Context::signed_in(console);
    match command {
        Command::Login(arguments) => login::login(arguments, console).await?,
        Command::Logout => login::logout(console).await?,
        Command::Session => login::session_show(&context()?).await?,
        Command::Agent(command) => agents::run(command, &context()?).await?,
        Command::Job(command) => return jobs::run(command, console).await,
        Command::Token(command) => tokens::run(command, &context()?).await?,
        Command::User(command) => users::run(command, &context()?).await?,
        Command::Role(users::RoleCommand::List) => users::role_list(&context()?).await?,
        Command::Organization(command) => organizations::run(command, &context()?).await?,
        Command::Department(command) => organizations::run_department(command, &context()?).await?,
        Command::Audit(command) => return audit::run(command, &context()?).await,
        Command::Completions(arguments) => manual::completions(&arguments, console),
        Command::Man(arguments) => manual::man(&arguments, console)?,
        Command::Version => console.say(concat!("postern ", env!("CARGO_PKG_VERSION"))),
    }
    Ok(ExitCode::SUCCESS)
}
