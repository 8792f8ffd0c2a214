//! `postern script …` and `postern library …`: one set of commands for both kinds.

mod apply;
mod file;
pub(crate) mod manage;
mod run;
pub(crate) mod versions;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use postern_api::scripts::ScriptKind;

use super::list::ListArguments;
use crate::{context::Context, failure::Failure, output::Console};

#[derive(Debug, Subcommand)]
pub(crate) enum ScriptCommand {
    /// List scripts; --search looks into their text as well
    List(List),
    /// Show a script, its settings and its text
    Show {
        /// Name or id
        script: String,
        /// Of this version instead of the newest
        #[arg(long, value_name = "N")]
        version: Option<u32>,
    },
    /// Save scripts from files: new ones are created, changed ones get a new version, others are left alone
    Apply(Apply),
    /// Write a script as a file that `apply` reads
    Export {
        /// Name or id
        script: String,
        /// Write here instead of to standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Look over a file with the parser inside the server; nothing is saved
    Check { file: PathBuf },
    /// Copy the newest version under another name
    Clone { script: String, name: String },
    /// Give a script another name; its versions and what it ran stay
    Rename { script: String, name: String },
    /// List the versions
    Versions {
        script: String,
        #[command(flatten)]
        list: ListArguments,
    },
    /// Show what changed between two versions; between the last two when none are named
    Diff {
        script: String,
        from: Option<u32>,
        to: Option<u32>,
    },
    /// Save what an old version says as the newest one
    Restore { script: String, version: u32 },
    /// Delete a script with its versions; what it ran stays
    Delete {
        script: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Run a script: one job per host
    Run(Box<run::ScriptRunArguments>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum LibraryCommand {
    /// List libraries; --search looks into their text as well
    List(List),
    /// Show a library, the scripts that use it and its text
    Show {
        /// Name or id
        library: String,
        /// Of this version instead of the newest
        #[arg(long, value_name = "N")]
        version: Option<u32>,
    },
    /// Write a library as a file that `script apply` reads
    Export {
        /// Name or id
        library: String,
        /// Write here instead of to standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Look over a file with the parser inside the server; nothing is saved
    Check { file: PathBuf },
    /// Copy the newest version under another name
    Clone { library: String, name: String },
    /// Give another name to a library that no script links now; one that only older versions link may be renamed
    Rename { library: String, name: String },
    /// List the versions
    Versions {
        library: String,
        #[command(flatten)]
        list: ListArguments,
    },
    /// Show what changed between two versions; between the last two when none are named
    Diff {
        library: String,
        from: Option<u32>,
        to: Option<u32>,
    },
    /// Save what an old version says as the newest one
    Restore { library: String, version: u32 },
    /// Delete a library that no script links, neither now nor in an older version
    Delete {
        library: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    list: ListArguments,
    /// bash, python, powershell
    #[arg(long, value_name = "LANGUAGE")]
    language: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// A file, or a folder with files. A file begins with a header (see `script export`), or has a .yaml of its name beside
    /// it; one without either is called as the file is
    #[arg(short, long = "file", value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,
    /// Organization that new ones belong to, by name or id [default: the whole tenant]
    #[arg(long, value_name = "ORGANIZATION")]
    organization: Option<String>,
    /// Department that new ones belong to, by name or id
    #[arg(long, value_name = "DEPARTMENT")]
    department: Option<String>,
    /// What the new versions are for
    #[arg(long, value_name = "TEXT", default_value = "")]
    message: String,
    /// Look the files over and say what would be done, and do nothing. Whether you may save there is not asked
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(command: ScriptCommand, console: &Console) -> Result<ExitCode, Failure> {
    const KIND: ScriptKind = ScriptKind::Script;
    let command = match command {
        ScriptCommand::Run(arguments) => return run::script_run(&arguments, console).await,
        other => other,
    };
    let context = Context::signed_in(console)?;
    match command {
        ScriptCommand::List(list) => manage::script_list(KIND, &list, &context).await?,
        ScriptCommand::Show { script, version } => {
            manage::script_show(KIND, &script, version, &context).await?;
        }
        ScriptCommand::Apply(apply) => apply::script_apply(&apply, &context).await?,
        ScriptCommand::Export { script, output } => {
            manage::script_export(KIND, &script, output.as_deref(), &context).await?;
        }
        ScriptCommand::Check { file } => return manage::script_check(&file, &context).await,
        ScriptCommand::Clone { script, name } => manage::script_clone(KIND, &script, name, &context).await?,
        ScriptCommand::Rename { script, name } => {
            manage::script_rename(KIND, &script, name, &context).await?;
        }
        ScriptCommand::Versions { script, list } => versions::list(KIND, &script, &list, &context).await?,
        ScriptCommand::Diff { script, from, to } => versions::diff(KIND, &script, from, to, &context).await?,
        ScriptCommand::Restore { script, version } => {
            versions::restore(KIND, &script, version, &context).await?;
        }
        ScriptCommand::Delete { script, yes } => manage::script_delete(KIND, &script, yes, &context).await?,
        // Returned above.
        ScriptCommand::Run(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn run_library(command: LibraryCommand, context: &Context<'_>) -> Result<ExitCode, Failure> {
    const KIND: ScriptKind = ScriptKind::Library;
    match command {
        LibraryCommand::List(list) => manage::script_list(KIND, &list, context).await?,
        LibraryCommand::Show { library, version } => {
            manage::script_show(KIND, &library, version, context).await?;
        }
        LibraryCommand::Export { library, output } => {
            manage::script_export(KIND, &library, output.as_deref(), context).await?;
        }
        LibraryCommand::Check { file } => return manage::script_check(&file, context).await,
        LibraryCommand::Clone { library, name } => {
            manage::script_clone(KIND, &library, name, context).await?;
        }
        LibraryCommand::Rename { library, name } => {
            manage::script_rename(KIND, &library, name, context).await?;
        }
        LibraryCommand::Versions { library, list } => versions::list(KIND, &library, &list, context).await?,
        LibraryCommand::Diff { library, from, to } => {
            versions::diff(KIND, &library, from, to, context).await?;
        }
        LibraryCommand::Restore { library, version } => {
            versions::restore(KIND, &library, version, context).await?;
        }
        LibraryCommand::Delete { library, yes } => {
            manage::script_delete(KIND, &library, yes, context).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
