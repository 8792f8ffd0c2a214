//! Making jobs: what is to run is checked first, then turned into one job per host in one transaction.

mod check;
mod create;
mod prepared;

use postern_api::{
    jobs::{Concurrency, JobCreate, JobPreview, JobsCreated},
    secret::SecretText,
    targets::Targets,
};
use postern_domain::{
    Timestamp,
    job::Priority,
    permission::{Permission, Reach},
    rollout::Rolling,
};
use postern_protocol::{payload::JobPayload, seal::Secrets};
use postern_store::{agents::groups, jobs::executions, tx};
use zeroize::Zeroizing;

use super::{secrets, targets};
use crate::{
    app::App,
    error::Result,
    http::{
        Caller,
        idempotency::{self, Answered, Key},
    },
};

pub(crate) use prepared::{Carried, Found, Kept, Prepared};

/// What is to run, and where.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) work: JobPayload,
    /// In place of the line that the payload says of itself.
    pub(crate) summary: Option<String>,
    pub(crate) targets: Targets,
    pub(crate) priority: Option<Priority>,
    pub(crate) timeout_seconds: Option<u32>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) rolling: Option<Rolling>,
    pub(crate) concurrency: Option<Concurrency>,
    pub(crate) origin: executions::Origin,
}

/// On whose account jobs are made, and where that person may make them.
#[derive(Debug, Clone)]
pub(crate) struct Author {
    pub(crate) caller: Caller,
    pub(crate) reach: Reach,
    /// Where they see the groups that targets name.
    pub(crate) groups: Reach,
}

impl Author {
    pub(crate) fn new(caller: &Caller) -> Self {
        Self {
            reach: caller.reach(Permission::JobsManage),
            groups: caller.reach(Permission::AgentsView),
            caller: caller.clone(),
        }
    }
}

fn run_of(request: &JobCreate) -> (Run, Secrets) {
    let run = Run {
        work: request.work.clone(),
        summary: None,
        targets: request.targets.clone(),
        priority: request.priority,
        timeout_seconds: request.timeout_seconds,
        not_before: request.not_before,
        rolling: request.rolling.clone(),
        concurrency: request.concurrency.clone(),
        origin: executions::Origin::default(),
    };
    (run, secrets::given(&request.secrets))
}

pub(super) async fn job_create(
    app: &App,
    caller: &Caller,
    request: JobCreate,
    key: Key,
) -> Result<JobsCreated> {
    let (run, values) = run_of(&request);
    let prepared = Prepared::new(app, run, values)?;
    start(app, caller, "job_create", &request, key, prepared).await
}

/// Makes the jobs of a person's click, once per key, and wakes their agents.
pub(crate) async fn start<Request: serde::Serialize>(
    app: &App,
    caller: &Caller,
    operation: &'static str,
    request: &Request,
    key: Key,
    (prepared, drawn): (Prepared, Option<Zeroizing<String>>),
) -> Result<JobsCreated> {
    let (now, author) = (app.now(), Author::new(caller));
    let (created, answered) = idempotency::create(
        app,
        caller,
        key,
        operation,
        request,
        tx!(tx => {
            let action = (operation != "job_create").then_some(operation);
            let mut created = prepared.create(tx, &author, action, now).await?;
            created.generated_password = drawn.map(|password| SecretText::new(password.as_str()));
            Ok(created)
        }),
    )
    .await?;
    crate::failpoint::hit("after-job-created");
    if answered == Answered::Now {
        app.hub.wake(created.jobs.iter().map(|job| job.agent_id));
    }
    Ok(created)
}

/// What a creation would do; nothing is made.
pub(super) async fn job_preview(app: &App, caller: &Caller, request: JobCreate) -> Result<JobPreview> {
    let (run, values) = run_of(&request);
    let (prepared, _) = Prepared::new(app, run, values)?;
    preview(app, caller, prepared).await
}

pub(crate) async fn preview(app: &App, caller: &Caller, prepared: Prepared) -> Result<JobPreview> {
    let (now, author) = (app.now(), Author::new(caller));
    app.store
        .scan(tx!(tx => {
            let arranged = prepared.checked_hosts(tx, &author).await?;
            let dark = groups::dark(tx, now).await?;
            Ok(JobPreview {
                summary: prepared.summary(),
                batches: arranged.batches,
                hosts: targets::preview(&arranged, Some(&prepared.run.work), &dark, now).hosts,
                content_sha256: prepared.content_sha256(),
                payload_sha256: prepared.digest,
            })
        }))
        .await
}

#[cfg(test)]
impl Run {
    /// On all hosts, as soon as may be.
    fn everywhere(work: JobPayload) -> Self {
        Self {
            work,
            summary: None,
            targets: Targets {
                all: true,
                ..Targets::default()
            },
            priority: None,
            timeout_seconds: None,
            not_before: None,
            rolling: None,
            concurrency: None,
            origin: executions::Origin::default(),
        }
    }
}
