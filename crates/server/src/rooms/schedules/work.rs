//! From what a schedule says to the jobs of one run, or to an instance of a workflow.

use postern_api::{
    actions::ActionRun,
    jobs::JobsCreated,
    schedules::{ScheduleDefinition, ScheduleRun, ScheduledWork},
    scripts::ScriptRun,
    secret::SecretText,
    targets::Targets,
    workflows::InstanceCreate,
};
use postern_domain::{ScheduleId, Timestamp, TokenId};
use postern_protocol::seal::Secrets;
use postern_store::{Tx, jobs::executions};

use crate::{
    app::App,
    error::{Error, Result},
    http::Caller,
    rooms::{
        agents::targets::check as check_targets,
        jobs::run::{Author, Prepared, Run},
        scripts::{actions::run as actions, run as scripts},
        workflows,
    },
};

/// What one run of a schedule makes.
pub(super) enum Work {
    Jobs(Box<Prepared>),
    Instance(Box<workflows::New>),
}

impl Work {
    /// On the account of this caller, with no more rights than a limited token of theirs.
    pub(super) async fn make(
        self,
        app: &App,
        tx: &mut Tx<'_>,
        owner: &Caller,
        token: Option<TokenId>,
        now: Timestamp,
    ) -> Result<ScheduleRun> {
        Ok(match self {
            Self::Jobs(prepared) => made(prepared.create(tx, &Author::new(owner), None, now).await?),
            Self::Instance(new) => ScheduleRun {
                execution_id: None,
                jobs: Vec::new(),
                instance_id: Some(workflows::make(app, tx, owner, token, *new, now).await?),
            },
        })
    }
}

pub(super) fn made(created: JobsCreated) -> ScheduleRun {
    ScheduleRun {
        execution_id: Some(created.execution_id),
        jobs: created.jobs,
        instance_id: None,
    }
}

/// Everything that can be known to be wrong is refused here, when it is saved and again at each tick.
pub(super) async fn prepare(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: Option<ScheduleId>,
    definition: &ScheduleDefinition,
    secrets: &Secrets,
) -> Result<Work> {
    let ScheduledWork::Workflow { workflow_id, inputs } = &definition.work else {
        let prepared = prepare_jobs(app, tx, caller, id, definition, secrets).await?;
        return Ok(Work::Jobs(Box::new(prepared)));
    };
    check_own_way(definition, OwnWay::Workflow)?;
    let targets = &definition.targets;
    if *targets != Targets::default() {
        check_targets(targets)?;
    }
    let secrets = secrets
        .iter()
        .map(|(name, value)| (name.clone(), SecretText::new(value.as_str())));
    let wanted = InstanceCreate {
        draft: false,
        inputs: inputs.clone(),
        secrets: secrets.collect(),
        hosts: (*targets != Targets::default()).then(|| targets.clone()),
    };
    let new = workflows::ready(app, tx, caller, *workflow_id, wanted).await?;
    Ok(Work::Instance(Box::new(match id {
        Some(id) => new.by_schedule(id),
        None => new,
    })))
}

async fn prepare_jobs(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: Option<ScheduleId>,
    definition: &ScheduleDefinition,
    secrets: &Secrets,
) -> Result<Prepared> {
    check_parameters(app, tx, caller, definition).await?;
    let (prepared, drawn) = match &definition.work {
        ScheduledWork::Job { job } => {
            let run = Run {
                work: job.clone(),
                summary: None,
                targets: definition.targets.clone(),
                priority: definition.priority,
                timeout_seconds: definition.timeout_seconds,
                not_before: None,
                rolling: definition.rolling.clone(),
                concurrency: definition.concurrency.clone(),
                origin: executions::Origin::default(),
            };
            Prepared::new(app, run, secrets.clone())?
        }
        ScheduledWork::Script {
            script_id,
            version,
            parameters,
        } => {
            let request = ScriptRun {
                version: *version,
                parameters: scripts::with_secrets(parameters, secrets)?,
                targets: definition.targets.clone(),
                priority: definition.priority,
                timeout_seconds: definition.timeout_seconds,
                not_before: None,
                rolling: definition.rolling.clone(),
                concurrency: definition.concurrency.clone(),
            };
            scripts::prepare_in(app, tx, caller, *script_id, &request).await?
        }
        ScheduledWork::Action {
            action_id,
            parameters,
        } => {
            check_own_way(definition, OwnWay::Action)?;
            let request = ActionRun {
                parameters: scripts::with_secrets(parameters, secrets)?,
                ..Default::default()
            };
            actions::prepare_in(app, tx, caller, *action_id, &request).await?
        }
        ScheduledWork::Workflow { .. } => {
            return Err(Error::Internal("a workflow was to be prepared as jobs".into()));
        }
    };
    if drawn.is_some() {
        let message = "is missing: a password that is drawn is shown once, and nobody watches a schedule";
        return Err(Error::invalid("secrets.password", message));
    }
    Ok(match id {
        Some(id) => prepared.by_schedule(id),
        None => prepared,
    })
}

/// What says itself where and how it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OwnWay {
    Action,
    /// But for its hosts.
    Workflow,
}

fn check_own_way(definition: &ScheduleDefinition, who: OwnWay) -> Result<()> {
    let said = [
        (
            "targets",
            who == OwnWay::Action && definition.targets != Targets::default(),
        ),
        ("priority", definition.priority.is_some()),
        ("timeout_seconds", definition.timeout_seconds.is_some()),
        ("rolling", definition.rolling.is_some()),
        ("concurrency", definition.concurrency.is_some()),
    ];
    let thing = match who {
        OwnWay::Action => "action",
        OwnWay::Workflow => "workflow",
    };
    match said.into_iter().find(|(_, said)| *said) {
        Some((field, _)) => Err(Error::invalid(
            format!("definition.{field}"),
            format!("belongs to the {thing}: leave it out here, or change the {thing}"),
        )),
        None => Ok(()),
    }
}

/// Parameters of a script or an action that are secret must not be kept in clear. A newer version may have made one
/// secret.
async fn check_parameters(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller,
    definition: &ScheduleDefinition,
) -> Result<()> {
    let (parameters, secret) = match &definition.work {
        // A workflow's own inputs are looked at with it.
        ScheduledWork::Job { .. } | ScheduledWork::Workflow { .. } => return Ok(()),
        ScheduledWork::Script {
            script_id,
            version,
            parameters,
        } => {
            let secret = scripts::secret_parameters(tx, caller, *script_id, *version).await?;
            (parameters, secret)
        }
        ScheduledWork::Action {
            action_id,
            parameters,
        } => (
            parameters,
            actions::secret_parameters(app, tx, caller, *action_id).await?,
        ),
    };
    match parameters.keys().find(|name| secret.contains(name)) {
        Some(name) => Err(Error::invalid(
            format!("definition.work.parameters.{name}"),
            "is secret: give it in secrets, where it is kept sealed",
        )),
        None => Ok(()),
    }
}
