//! From what a schedule says to the jobs of one run.

use postern_api::{
    actions::ActionRun,
    schedules::{ScheduleDefinition, ScheduledWork},
    scripts::ScriptRun,
    targets::Targets,
};
use postern_domain::ScheduleId;
use postern_protocol::seal::Secrets;
use postern_store::{Tx, jobs::executions};

use crate::{
    app::App,
    error::{Error, Result},
    http::Caller,
    rooms::{
        jobs::run::{Prepared, Run},
        scripts::{actions::run as actions, run as scripts},
    },
};

/// Everything that can be known to be wrong is refused here, when it is saved and again at each tick.
pub(super) async fn prepare(
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
            check_own_way(definition)?;
            let request = ActionRun {
                parameters: scripts::with_secrets(parameters, secrets)?,
                ..Default::default()
            };
            actions::prepare_in(app, tx, caller, *action_id, &request).await?
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

/// An action says itself where and how it runs.
fn check_own_way(definition: &ScheduleDefinition) -> Result<()> {
    let said = [
        ("targets", definition.targets != Targets::default()),
        ("priority", definition.priority.is_some()),
        ("timeout_seconds", definition.timeout_seconds.is_some()),
        ("rolling", definition.rolling.is_some()),
        ("concurrency", definition.concurrency.is_some()),
    ];
    match said.into_iter().find(|(_, said)| *said) {
        Some((field, _)) => Err(Error::invalid(
            format!("definition.{field}"),
            "belongs to the action: leave it out here, or change the action",
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
        ScheduledWork::Job { .. } => return Ok(()),
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
