//! What people do with jobs, and what time does to them.

use postern_api::{
    Page,
    executions::ScriptReference,
    jobs::{Job, JobDetail, JobOutput, StreamName},
};
use postern_domain::{
    AgentId, JobId, Timestamp,
    job::{self, Event, JobState, Priority},
    permission::{Permission, Reach},
};
use postern_protocol::payload::JobType;
use postern_store::{
    Cursor, SortDirection, Tx, audit,
    jobs::{self, executions},
    outputs, tx,
};

use super::{
    blackouts::{dark_for, dark_of},
    convert::{bytes_of, detail_of, job_of, output_of},
    transition::{Change, apply, apply_by_system},
};
use crate::{
    app::App,
    digest::digest,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter, words},
    },
    hub::News,
    runners,
};

const VIEW: Permission = Permission::JobsView;
const MANAGE: Permission = Permission::JobsManage;
/// Jobs looked at in one round of the clock.
const OVERDUE_BATCH: u32 = 500;
/// Jobs of a deleted agent that end in one transaction.
const AT_ONCE: u32 = 200;

pub(super) async fn job_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<Job>> {
    list.sort_by(&["created_at"], SortDirection::Descending)?;
    let mut filter = jobs::Filter {
        search: list.search.clone(),
        ..Default::default()
    };
    for (field, values) in &list.filters {
        match field.as_str() {
            "state" => filter.states = words(field, values, JobState::parse)?,
            "type" => {
                filter.kinds = words(field, values, |word| {
                    JobType::parse(word).map(|kind| kind.as_str().to_owned())
                })?;
            }
            "priority" => filter.priorities = words(field, values, Priority::parse)?,
            "agent" => {
                let (ids, names): (Vec<_>, Vec<_>) =
                    values.iter().partition(|name| name.parse::<i64>().is_ok());
                filter.agent_ids = ids.iter().filter_map(|id| id.parse().ok()).collect();
                filter.agent_names = names.into_iter().cloned().collect();
            }
            "organization" => filter.organizations.clone_from(values),
            "execution" => filter.executions = words(field, values, |word| word.parse().ok())?,
            "schedule" => filter.schedules = words(field, values, |word| word.parse().ok())?,
            "script" => filter.scripts = words(field, values, |word| word.parse().ok())?,
            "created_from" => filter.created_from = words(field, values, time)?.pop(),
            "created_before" => filter.created_before = words(field, values, time)?.pop(),
            _ => {
                return Err(unknown_filter(
                    field,
                    "state, type, priority, agent, organization, execution, script, schedule, created_from, created_before",
                ));
            }
        }
    }
    let (now, reach) = (app.now(), caller.reach(VIEW));
    let (page, limit) = (list.page.clone(), list.page.limit);
    let (rows, dark) = app
        .store
        .scan::<_, Error, _>(tx!(tx => {
            let rows = jobs::list(tx, &reach, &filter, &page).await?;
            let waiting = rows.iter().filter(|row| row.state == JobState::Queued).map(|row| row.id);
            let dark = dark_of(tx, &waiting.collect::<Vec<_>>(), now).await?;
            Ok((rows, dark))
        }))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: row.created.as_micros().to_string(),
            id: row.id.0,
        },
        |row| {
            let dark = dark.get(&row.id);
            job_of(row, dark, now)
        },
    )
}

/// RFC 3339.
fn time(word: &str) -> Option<Timestamp> {
    word.parse().ok()
}

pub(super) async fn job_show(app: &App, caller: &Caller, id: JobId) -> Result<JobDetail> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .read(tx!(tx => {
            let job = find(tx, &caller, id, VIEW).await?;
            let payload = jobs::payload(tx, id).await?;
            let attempts = jobs::attempts(tx, id).await?;
            let execution = execution_of(tx, &job).await?;
            let action = execution.as_ref().and_then(executions::Execution::action);
            let may_repeat = runners::may_repeat(tx, &caller, action).await?;
            let script = execution.and_then(|execution| execution.script_id.zip(execution.script_version));
            let script = script.map(|(id, version)| ScriptReference { id, version });
            let dark = dark_for(tx, &job, now).await?;
            detail_of(job_of(job, dark.as_ref(), now)?, &payload, script, attempts, may_repeat)
        }))
        .await
}

pub(super) async fn job_cancel(app: &App, caller: &Caller, id: JobId) -> Result<Job> {
    change(app, caller, id, "job_cancel", Event::CancelRequested).await
}

pub(super) async fn job_retry(app: &App, caller: &Caller, id: JobId) -> Result<Job> {
    let who = caller.clone();
    app.store
        .read::<_, Error, _>(tx!(tx => {
            let job = find(tx, &who, id, MANAGE).await?;
            let execution = execution_of(tx, &job).await?;
            runners::check_again(tx, &who, execution.and_then(|execution| execution.action())).await
        }))
        .await?;
    change(app, caller, id, "job_retry", Event::RetryRequested).await
}

/// Whoever may see a job may know what it was made for.
async fn execution_of(tx: &mut Tx<'_>, job: &jobs::Job) -> Result<Option<executions::Execution>> {
    let Some(id) = job.execution_id else {
        return Ok(None);
    };
    let everywhere = Reach {
        everywhere: true,
        ..Reach::default()
    };
    Ok(executions::find(tx, &everywhere, id).await?)
}

/// A person's event on a job.
async fn change(app: &App, caller: &Caller, id: JobId, action: &'static str, event: Event) -> Result<Job> {
    let (now, caller) = (app.now(), caller.clone());
    let (job, dark, agent, change) = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            let missing = || Error::not_found("job", id);
            find(tx, &caller, id, MANAGE).await?;
            let machine = jobs::machine(tx, id).await?.ok_or_else(missing)?;
            let change = apply_recorded(tx, &caller, &machine, action, event, now).await?;
            let job = jobs::find(tx, id).await?.ok_or_else(missing)?;
            let dark = dark_for(tx, &job, now).await?;
            Ok((job, dark, machine.agent_id, change))
        }))
        .await?;
    crate::failpoint::hit("after-job-changed");
    if let Some(state) = change.ended() {
        app.metrics.job_ended(state);
    }
    app.hub.job_changed(id, News::State);
    app.hub.wake(change.freed.into_iter().chain([agent]));
    job_of(job, dark.as_ref(), now)
}

/// A person's event, with the record of it.
pub(super) async fn apply_recorded(
    tx: &mut Tx<'_>,
    caller: &Caller,
    machine: &jobs::Machine,
    action: &'static str,
    event: Event,
    now: Timestamp,
) -> Result<Change> {
    let change = apply(tx, machine, event, now).await?;
    let entry = recorded(caller, machine, action, &change, now);
    audit::append(tx, vec![entry]).await?;
    Ok(change)
}

fn recorded(
    caller: &Caller,
    machine: &jobs::Machine,
    action: &'static str,
    change: &Change,
    now: Timestamp,
) -> audit::Entry {
    let mut entry = caller.entry(now, action, format!("job:{}", machine.id), machine.tenant_id);
    entry.before = Some(state_json(machine.state, machine.attempt));
    entry.after = Some(state_json(change.next.state, change.next.attempt));
    entry.reason = change.ended().and(change.next.reason.clone());
    entry
}

fn state_json(state: JobState, attempt: u32) -> String {
    serde_json::json!({"state": state, "attempt": attempt}).to_string()
}

/// The audit keeps what the job was: its state and the digest of its payload.
pub(super) async fn job_delete(app: &App, caller: &Caller, id: JobId) -> Result<()> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let missing = || Error::not_found("job", id);
            let job = find(tx, &caller, id, MANAGE).await?;
            let machine = jobs::machine(tx, id).await?.ok_or_else(missing)?;
            job::delete(machine.state)?;
            let payload = jobs::payload(tx, id).await?;
            let digest = digest(payload.as_bytes());
            jobs::delete(tx, id).await?;
            let mut entry = caller.entry(now, "job_delete", format!("job:{id}"), job.tenant_id);
            let before = serde_json::json!({
                "state": machine.state, "attempt": machine.attempt, "agent": job.agent, "summary": job.summary,
                "exit_code": machine.exit_code, "payload_sha256": digest,
            });
            entry.before = Some(before.to_string());
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await
}

pub(super) async fn job_output(
    app: &App,
    caller: &Caller,
    id: JobId,
    number: Option<u32>,
) -> Result<JobOutput> {
    let caller = caller.clone();
    app.store
        .scan(tx!(tx => {
            let attempt = attempt(tx, &caller, id, number).await?;
            let stdout = outputs::read(tx, attempt.id, outputs::Stream::Stdout, attempt.stdout_bytes).await?;
            let stderr = outputs::read(tx, attempt.id, outputs::Stream::Stderr, attempt.stderr_bytes).await?;
            Ok(output_of(&attempt, &stdout, &stderr))
        }))
        .await
}

/// One stream as `bytes_of` writes it.
pub(super) async fn job_output_download(
    app: &App,
    caller: &Caller,
    id: JobId,
    stream: StreamName,
    number: Option<u32>,
) -> Result<Vec<u8>> {
    let caller = caller.clone();
    app.store
        .scan(tx!(tx => {
            let attempt = attempt(tx, &caller, id, number).await?;
            let (stream, total) = match stream {
                StreamName::Stdout => (outputs::Stream::Stdout, attempt.stdout_bytes),
                StreamName::Stderr => (outputs::Stream::Stderr, attempt.stderr_bytes),
            };
            Ok(bytes_of(&outputs::read(tx, attempt.id, stream, total).await?))
        }))
        .await
}

/// The attempt of this number, or the newest one. A job that was not handed out yet has none.
pub(super) async fn attempt(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: JobId,
    number: Option<u32>,
) -> Result<jobs::Attempt> {
    find(tx, caller, id, VIEW).await?;
    let attempts = jobs::attempts(tx, id).await?;
    let found = match number {
        Some(number) => attempts.into_iter().find(|attempt| attempt.number == number),
        None => attempts.into_iter().last(),
    };
    found.ok_or_else(|| match number {
        Some(number) => Error::not_found("attempt", format!("{number} of job {id}")),
        None => Error::conflict(
            "no_attempt_yet",
            format!("Job {id} was not handed to its agent yet: it has no output."),
        ),
    })
}

pub(super) async fn find(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: JobId,
    needed: Permission,
) -> Result<jobs::Job> {
    let missing = || Error::not_found("job", id);
    let job = jobs::find(tx, id).await?.ok_or_else(missing)?;
    caller.require(needed, VIEW, job.place(), missing)?;
    Ok(job)
}

/// The agent joined anew: what it had in hand is unknown.
pub(crate) async fn agent_reset(tx: &mut Tx<'_>, agent: AgentId, now: Timestamp) -> Result<Ended> {
    let mut ended = Ended::default();
    for active in jobs::active(tx, agent).await? {
        if let Some(machine) = jobs::machine(tx, active.job_id).await? {
            let change = apply_by_system(tx, &machine, Event::AgentReset, now).await?;
            ended.add(&machine, change);
        }
    }
    Ok(ended)
}

/// Its jobs go with the agent. Those that are open end first, so that whoever waits for them hears of it; of very many
/// only some here, and the others by [`agent_left`].
pub(crate) async fn agent_deleted(
    tx: &mut Tx<'_>,
    caller: &Caller,
    agent: AgentId,
    now: Timestamp,
) -> Result<Ended> {
    let mut ended = Ended::default();
    for machine in open_at(tx, agent).await? {
        let change = apply(tx, &machine, Event::AgentDeleted, now).await?;
        // It may have ended by itself since it was looked for.
        if change.ended().is_some() {
            let entry = recorded(caller, &machine, "job_finish", &change, now);
            audit::append(tx, vec![entry]).await?;
        }
        ended.add(&machine, change);
    }
    Ok(ended)
}

/// Ends jobs that a deleted agent left open, on the server's own account: those that were too many, and one that somebody
/// tried again at the same moment.
pub(crate) async fn agent_left(tx: &mut Tx<'_>, agent: AgentId, now: Timestamp) -> Result<Ended> {
    let mut ended = Ended::default();
    for machine in open_at(tx, agent).await? {
        let change = apply_by_system(tx, &machine, Event::AgentDeleted, now).await?;
        ended.add(&machine, change);
    }
    Ok(ended)
}

async fn open_at(tx: &mut Tx<'_>, agent: AgentId) -> Result<Vec<jobs::Machine>> {
    let mut machines = Vec::new();
    for id in jobs::open_at(tx, agent, AT_ONCE).await? {
        machines.extend(jobs::machine(tx, id).await?);
    }
    Ok(machines)
}

/// Jobs that ended with something else than their own result.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    jobs: Vec<(JobId, JobState)>,
    freed: Vec<AgentId>,
    rolling: bool,
    workflow: bool,
}

impl Ended {
    pub(super) fn add(&mut self, machine: &jobs::Machine, change: Change) {
        if let Some(state) = change.ended() {
            self.jobs.push((machine.id, state));
            self.rolling |= machine.rolling;
            self.workflow |= machine.instance_id.is_some();
        }
        self.freed.extend(change.freed);
    }

    pub(crate) fn count(&self) -> usize {
        self.jobs.len()
    }

    /// Once it is stored: counts them, and wakes those who watch and those who waited.
    pub(crate) fn wake(self, app: &App) {
        for (id, state) in self.jobs {
            app.metrics.job_ended(state);
            app.hub.job_changed(id, News::State);
        }
        app.hub.wake(self.freed);
        if self.rolling {
            app.rollouts.notify_one();
        }
        if self.workflow {
            app.workflows.notify_one();
        }
    }
}

/// Ends jobs that time has ended. Returns how many.
pub(crate) async fn jobs_overdue(app: &App) -> Result<usize> {
    let now = app.now();
    let ids = app
        .store
        .scan::<_, Error, _>(tx!(tx => Ok(jobs::overdue(tx, now, OVERDUE_BATCH).await?)))
        .await?;
    let mut count = 0;
    for id in ids {
        let ended = app
            .store
            .write::<_, Error, _>(tx!(tx => overdue(tx, id, now).await))
            .await?;
        count += ended.count();
        ended.wake(app);
    }
    Ok(count)
}

async fn overdue(tx: &mut Tx<'_>, id: JobId, now: Timestamp) -> Result<Ended> {
    let mut ended = Ended::default();
    if let Some(machine) = jobs::machine(tx, id).await? {
        let agent_seen = jobs::agent_seen(tx, &machine).await?;
        let change = apply_by_system(tx, &machine, Event::Tick { agent_seen }, now).await?;
        ended.add(&machine, change);
    }
    Ok(ended)
}
