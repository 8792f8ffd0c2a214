//! `postern`: the server (`serve`) and the operator's commands. The commands go through the REST API; nothing
//! here decides what is allowed, and nothing but `serve` touches a database.

mod arguments;
mod clock;
mod commands;
mod config;
mod context;
mod failure;
mod lookup;
mod output;
mod sanitize;
mod words;
mod yaml;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    arguments::{Arguments, Command},
    failure::Failure,
    output::Console,
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let console = Console::new(arguments.json);
    match dispatch(arguments.command, &console) {
        Ok(code) => code,
        Err(failure) => {
            console.failure(&failure);
            failure.exit_code()
        }
    }
}

fn dispatch(command: Command, console: &Console) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve(arguments) => commands::serve::run(*arguments, console),
        Command::Openapi => {
            let document =
                postern_server::openapi_json().map_err(|error| Failure::Local(error.to_string()))?;
            console.say(document.trim_end());
            Ok(ExitCode::SUCCESS)
        }
        Command::Operator(command) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::local("cannot start", &error))?
            .block_on(commands::run(*command, console)),
    }
}
