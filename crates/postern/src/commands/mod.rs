//! The commands, by room. One command is one operation of the API, or says why it is more.

pub(crate) mod actions;
pub(crate) mod agents;
pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod download;
pub(crate) mod executions;
pub(crate) mod files;
pub(crate) mod groups;
pub(crate) mod jobs;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod manual;
pub(crate) mod notify;
pub(crate) mod organizations;
pub(crate) mod schedules;
pub(crate) mod scripts;
pub(crate) mod serve;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod versions;
pub(crate) mod workflows;

use std::process::ExitCode;

use crate::{arguments::OperatorCommand, context::Context, failure::Failure, output::Console};

pub(crate) async fn run(command: OperatorCommand, console: &Console) -> Result<ExitCode, Failure> {
    let context = || Context::signed_in(console);
    match command {
        OperatorCommand::Login(arguments) => login::login(arguments, console).await?,
        OperatorCommand::Logout => login::logout(console).await?,
        OperatorCommand::Session => login::session_show(&context()?).await?,
        OperatorCommand::Agent(command) => agents::run(command, &context()?).await?,
        OperatorCommand::Job(command) => return jobs::run(command, console).await,
        OperatorCommand::Execution(command) => executions::run(command, &context()?).await?,
        OperatorCommand::Script(command) => return scripts::run(command, console).await,
        OperatorCommand::Action(command) => return actions::run(command, console).await,
        OperatorCommand::Library(command) => return scripts::run_library(command, &context()?).await,
        OperatorCommand::Schedule(command) => schedules::run(command, &context()?).await?,
        OperatorCommand::Calendar(command) => schedules::run_calendar(command, &context()?).await?,
        OperatorCommand::Workflow(command) => return workflows::run(command, console).await,
        OperatorCommand::Instance(command) => return workflows::run_instance(command, &context()?).await,
        OperatorCommand::Approval(command) => approvals::run(command, &context()?).await?,
        OperatorCommand::Webhook(command) => notify::run_webhook(command, &context()?).await?,
        OperatorCommand::Delivery(command) => notify::run_delivery(command, &context()?).await?,
        OperatorCommand::Mail(command) => notify::run_mail(command, &context()?).await?,
        OperatorCommand::Group(command) => groups::run(command, &context()?).await?,
        OperatorCommand::Token(command) => tokens::run(command, &context()?).await?,
        OperatorCommand::User(command) => users::run(command, &context()?).await?,
        OperatorCommand::Password(users::PasswordCommand::Change(change)) => {
            users::password_change(&change, &context()?).await?;
        }
        OperatorCommand::Role(users::RoleCommand::List) => users::role_list(&context()?).await?,
        OperatorCommand::Organization(command) => organizations::run(command, &context()?).await?,
        OperatorCommand::Department(command) => organizations::run_department(command, &context()?).await?,
        OperatorCommand::Audit(command) => return audit::run(command, &context()?).await,
        OperatorCommand::Completions(arguments) => manual::completions(&arguments, console),
        OperatorCommand::Man(arguments) => manual::man(&arguments, console)?,
        OperatorCommand::Version => console.say(concat!("postern ", env!("CARGO_PKG_VERSION"))),
    }
    Ok(ExitCode::SUCCESS)
}
