//! What is refused of a run before any job exists.

use std::collections::HashSet;

use postern_domain::{
    job::{DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS},
    name::parameter_variable,
};
use postern_protocol::payload::{JobPayload, Script};
use postern_store::jobs::Host;

use super::Run;
use crate::{
    error::{Error, Result},
    rooms::agents::targets::check as check_targets,
};

/// Longest concurrency key.
const MAX_KEY: usize = 100;

/// As far as that needs no database.
pub(super) fn check(run: &Run) -> Result<()> {
    check_targets(&run.targets)?;
    run.work
        .check()
        .map_err(|error| Error::invalid(format!("payload.{}", error.field), error.problem))?;
    if let JobPayload::Script(script) = &run.work {
        check_variables(script)?;
    }
    let timeout = run.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS);
    if !(1..=MAX_TIMEOUT_SECONDS).contains(&timeout) {
        return Err(Error::invalid(
            "timeout_seconds",
            format!("must be 1 to {MAX_TIMEOUT_SECONDS}"),
        ));
    }
    if let Some(rolling) = &run.rolling {
        rolling
            .check()
            .map_err(|error| Error::invalid(format!("rolling.{}", error.field), error.problem))?;
    }
    if let Some(concurrency) = &run.concurrency {
        let key = &concurrency.key;
        if key.is_empty() || key.chars().count() > MAX_KEY || key.chars().any(char::is_control) {
            let message = format!("must have 1 to {MAX_KEY} characters, none of them control characters");
            return Err(Error::invalid("concurrency.key", message));
        }
    }
    Ok(())
}

/// A script finds its parameters and secrets in variables of its environment, each in one of its own.
fn check_variables(script: &Script) -> Result<()> {
    let mut seen = HashSet::new();
    let parameters = script.parameters.keys().map(|name| ("payload.parameters", name));
    let secrets = script.secrets.iter().map(|name| ("payload.secrets", name));
    for (list, name) in parameters.chain(secrets) {
        let field = || format!("{list}.{name}");
        let variable = parameter_variable(name).map_err(|error| Error::invalid(field(), error))?;
        if !seen.insert(variable.clone()) {
            return Err(Error::invalid(
                field(),
                format!("is given twice: both become {variable}"),
            ));
        }
    }
    Ok(())
}

/// Whether all of these hosts can take secrets.
pub(super) fn check_sealing(hosts: &[Host]) -> Result<()> {
    let Some(host) = hosts.iter().find(|host| !host.target.sealing) else {
        return Ok(());
    };
    let message = format!(
        "cannot go to agent {:?}: it has told no key to seal them to. It does when it connects for the first time; \
         upgrade it if it is older than this server",
        host.target.name
    );
    Err(Error::invalid("secrets", message))
}
