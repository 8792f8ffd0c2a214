//! `postern completions` and `postern man`: made from the command line's own description.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use postern_api::jobs::StreamName;

use crate::{arguments::Arguments, failure::Failure, output::Console};

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// Made when it is not there
    folder: PathBuf,
}

pub(crate) fn completions(arguments: &CompletionsArguments, console: &Console) {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "postern", &mut script);
    console.write(StreamName::Stdout, &script);
}

pub(crate) fn man(arguments: &ManArguments, console: &Console) -> Result<(), Failure> {
    let folder = &arguments.folder;
    let failed = |error: std::io::Error| Failure::local(folder.display(), &error);
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(failed)?;
    console.note(&format!(
        "manual pages are in {}; read one with `man -l FILE`",
        folder.display()
    ));
    Ok(())
}
