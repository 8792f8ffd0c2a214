//! Work that the agent does itself, without a command or script from outside: every typed job.
//!
//! It runs in a process of its own below the attempt's shim, like any program: cancel, timeout, output and the end
//! of its children are the shim's business. It writes an account for people to its output and leaves what it found
//! as data in `report.json`. It never decides whether it may start; that is done when its process exists.

#![allow(clippy::result_large_err, reason = "a process makes one result in its life")]

mod account;
mod http;
mod network;
mod process;
pub(crate) mod report;
mod service;
mod software;
mod table;
mod tool;

use std::{
    fmt::Display,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use postern_protocol::{order::Order, payload::JobPayload, result::JobResult, seal::Secrets};

use crate::{journal, mask::Masks, policy, secrets};

/// What a performing process may use.
pub(crate) struct Context {
    pub(crate) policy: policy::Policy,
    pub(crate) secrets: Secrets,
}

/// Why it did not work, for the person who asked; what was found out until then goes with it.
pub(crate) struct Failed {
    pub(crate) reason: String,
    pub(crate) result: Option<JobResult>,
}

impl From<String> for Failed {
    fn from(reason: String) -> Self {
        Self { reason, result: None }
    }
}

/// The process of one attempt: does the work, leaves its report, and ends with 0 or 1.
pub(crate) fn run(dir: &Path, policy: &policy::Source) -> ExitCode {
    let (end, masks) = match prepare(dir, policy) {
        // The owner may have changed their mind since the shim asked.
        Ok((order, context, masks)) => match context.policy.check(&order.work) {
            Ok(()) => (perform(&order.work, &context), masks),
            Err(reason) => (Err(reason.into()), masks),
        },
        Err(reason) => (Err(reason.into()), Masks::none()),
    };
    let (result, failure) = match end {
        Ok(result) => (Some(result), None),
        Err(failed) => (failed.result, Some(failed.reason)),
    };
    if let Some(failure) = &failure {
        let _ = writeln!(io::stderr(), "{failure}");
    }
    let code = ExitCode::from(u8::from(failure.is_some()));
    if let Err(error) = report::write(dir, &masks, result, failure) {
        let _ = writeln!(io::stderr(), "the result could not be kept: {error}");
    }
    code
}

fn prepare(dir: &Path, policy: &policy::Source) -> Result<(Order, Context, Masks), String> {
    let (_, order) = journal::order(dir)
        .map_err(|error| format!("the order cannot be read: {error}"))?
        .ok_or("the order cannot be read: it is damaged")?;
    let policy = policy.load().map_err(|error| error.to_string())?;
    let secrets = secrets::open(dir, &order)?;
    let masks = Masks::new(&secrets)?;
    Ok((order, Context { policy, secrets }, masks))
}

fn perform(work: &JobPayload, context: &Context) -> Result<JobResult, Failed> {
    match work {
        JobPayload::ProcessControl(work) => process::perform(work, context),
        JobPayload::ServiceControl(work) => service::perform(work, context),
        JobPayload::SoftwareInstall(work) => software::perform(work, context),
        JobPayload::UserControl(work) => account::user::perform(work, context),
        JobPayload::GroupControl(work) => account::group::perform(work, context),
        JobPayload::NetworkDiagnostic(work) => network::perform(work, context),
        JobPayload::HttpRequest(work) => http::perform(work, context),
        JobPayload::Command(_) | JobPayload::Script(_) => {
            let kind = work.kind().as_str();
            Err(format!("this agent does not know jobs of type {kind}: upgrade it").into())
        }
    }
}

/// A line of the account for people. Output that nobody takes any more is no reason to stop.
fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}
