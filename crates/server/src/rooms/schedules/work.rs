//! From what a schedule says to the jobs of one run.

use std::collections::BTreeMap;

use postern_api::{
    schedules::{ScheduleDefinition, ScheduledWork},
    scripts::{ParameterValue, ScriptRun},
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
        scripts::run::prepare_in,
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
            check_parameters(tx, caller, definition).await?;
            let mut given: BTreeMap<String, ParameterValue> = parameters.clone();
            for (name, value) in secrets {
                let value = ParameterValue(serde_json::Value::from(value.as_str()));
                if given.insert(name.clone(), value).is_some() {
                    let message = "is given among the parameters as well";
                    return Err(Error::invalid(format!("secrets.{name}"), message));
                }
            }
            let request = ScriptRun {
                version: *version,
                parameters: given,
                targets: definition.targets.clone(),
                priority: definition.priority,
                timeout_seconds: definition.timeout_seconds,
                not_before: None,
                rolling: definition.rolling.clone(),
                concurrency: definition.concurrency.clone(),
            };
            prepare_in(app, tx, caller, *script_id, &request).await?
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

/// Parameters of a script that are secret must not be kept in clear. A newer version may have made one secret.
async fn check_parameters(tx: &mut Tx<'_>, caller: &Caller, definition: &ScheduleDefinition) -> Result<()> {
    let ScheduledWork::Script {
        script_id,
        version,
        parameters,
    } = &definition.work
    else {
        return Ok(());
    };
    let secret = crate::rooms::scripts::run::secret_parameters(tx, caller, *script_id, *version).await?;
    match parameters.keys().find(|name| secret.contains(name)) {
        Some(name) => Err(Error::invalid(
            format!("definition.work.parameters.{name}"),
            "is secret: give it in secrets, where it is kept sealed",
        )),
        None => Ok(()),
    }
}
