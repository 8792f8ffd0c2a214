//! `postern workflow run`

use std::{collections::BTreeMap, process::ExitCode};

use clap::Args;
use postern_api::{
    scripts::ParameterValue,
    targets::Targets,
    workflows::{Instance, InstanceCreate},
};
use postern_client::IdempotencyKey;
use serde_json::Value;

use super::{
    instances::begun,
    watch::{How, stay},
};
use crate::{
    commands::jobs::{
        options::{SecretOptions, TargetOptions},
        request::parse_parameter,
    },
    context::Context,
    failure::{Failure, by_options},
    lookup,
    output::Console,
};

#[derive(Debug, Args)]
#[command(
    mut_group("targets", |group| group.required(false)),
    after_long_help = "Hosts that are named here take the place of the workflow's own; those of a step stay.\n\n\
                       With --wait or --follow the exit code is 0 when the instance completed, 1 when it failed, and 125\n\
                       when it was cancelled or lost from sight."
)]
pub(crate) struct WorkflowRunArguments {
    /// Name or id
    workflow: String,
    /// Value of an input. Secret ones are given with --secret
    #[arg(long = "input", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    inputs: Vec<(String, String)>,
    #[command(flatten)]
    secrets: SecretOptions,
    #[command(flatten)]
    targets: Option<TargetOptions>,
    /// The draft instead of the published version, to try it
    #[arg(long)]
    draft: bool,
    /// Wait until it has ended, then print what its steps came to
    #[arg(long)]
    wait: bool,
    /// Print what happens as it comes, until it has ended
    #[arg(long, conflicts_with = "wait")]
    follow: bool,
}

impl WorkflowRunArguments {
    fn how(&self) -> Option<How> {
        match (self.follow, self.wait) {
            (true, _) => Some(How::Follow),
            (false, true) => Some(How::Wait),
            (false, false) => None,
        }
    }

    /// Everything that can be told without the server.
    fn request(&self, console: &Console) -> Result<InstanceCreate, Failure> {
        let mut inputs = BTreeMap::new();
        for (name, value) in &self.inputs {
            let value = ParameterValue(Value::from(value.as_str()));
            if inputs.insert(name.clone(), value).is_some() {
                return Err(Failure::usage(format!("input {name:?} is given twice")));
            }
        }
        let hosts = self.targets.as_ref().map(TargetOptions::targets);
        Ok(InstanceCreate {
            draft: self.draft,
            inputs,
            secrets: self.secrets.values(console)?,
            hosts: hosts.filter(|hosts| *hosts != Targets::default()),
        })
    }
}

pub(super) async fn workflow_run(
    arguments: &WorkflowRunArguments,
    console: &Console,
) -> Result<ExitCode, Failure> {
    if arguments.follow && console.is_json() {
        let message = "--follow prints text as it comes: use --wait with --json";
        return Err(Failure::usage(message));
    }
    let request = arguments.request(console)?;
    let how = arguments.how();
    // The exit code of an instance that is stayed with is its own: what fails before it has one is told apart.
    let blame = |failure| match how {
        Some(_) => Failure::OfPostern(Box::new(failure)),
        None => failure,
    };
    let context = Context::signed_in(console).map_err(blame)?;
    let instance = start(&arguments.workflow, &request, &context)
        .await
        .map_err(blame)?;
    match how {
        Some(how) => stay(instance.id, how, &context).await,
        None => {
            begun(&instance, console)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn start(text: &str, request: &InstanceCreate, context: &Context<'_>) -> Result<Instance, Failure> {
    let id = lookup::workflow(&context.client, text).await?.id;
    context
        .client
        .instance_create(id, request, &IdempotencyKey::random())
        .await
        .map_err(|error| by_options(error, "--input").into())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        run: WorkflowRunArguments,
    }

    fn read(line: &[&str]) -> Result<InstanceCreate, String> {
        let line = std::iter::once(&"run").chain(line);
        let run = Line::try_parse_from(line).map_err(|error| error.to_string())?.run;
        run.request(&Console::new(true))
            .map_err(|failure| failure.lines().join("\n"))
    }

    #[test]
    fn hosts_are_the_workflows_own_unless_some_are_named() {
        let none = read(&["deploy", "--input", "version=1.2=x"]).unwrap();
        assert_eq!(none.hosts, None);
        assert_eq!(none.inputs["version"].0, Value::from("1.2=x"));
        let some = read(&["deploy", "--agent", "web1", "--draft"]).unwrap();
        assert_eq!(some.hosts.unwrap().agents, ["web1"]);
        assert!(some.draft);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_before_anything_is_sent() {
        let table: [(&[&str], &str); 4] = [
            (&["deploy", "--input", "a=1", "--input", "a=2"], "twice"),
            (&["deploy", "--wait", "--follow"], "cannot be used"),
            (
                &["deploy", "--secret", "token=s3cret"],
                "every user of this machine",
            ),
            (&["deploy", "--all", "--agent", "a"], "cannot be used"),
        ];
        for (line, expected) in table {
            let error = read(line).expect_err("refused");
            assert!(error.contains(expected), "{line:?}: {error}");
        }
    }
}
