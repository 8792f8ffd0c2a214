//! What people do with whole executions. Who may see one of its jobs may see it; a change touches the jobs that the
//! caller may manage.

use std::collections::{BTreeMap, HashMap};

use postern_api::{
    Page,
    executions::{
        ActionReference, Execution, ExecutionChanged, ExecutionRerun, RerunHosts, RollingState,
        ScriptReference,
    },
    jobs::JobsCreated,
    targets::Targets,
};
use postern_domain::{
    AgentId, ExecutionId, JobId, Timestamp,
    job::{Event, JobState},
    permission::{Permission, Reach},
};
use postern_protocol::payload::{JobPayload, JobType};
use postern_store::{
    Cursor, SortDirection, Tx, audit,
    jobs::{self, executions},
    tx,
};

use super::{
    run::{Carried, Kept, Prepared, Run, start},
    service::apply_recorded,
    transition::apply_by_system,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter, words},
        idempotency::Key,
    },
    hub::News,
    rooms::agents::targets::Names,
    runners,
};

const VIEW: Permission = Permission::JobsView;
const MANAGE: Permission = Permission::JobsManage;
/// Jobs changed in one transaction.
const AT_ONCE: usize = 500;
const FAILED: &[JobState] = &[JobState::Failed, JobState::Timeout, JobState::Unknown];
const OPEN: &[JobState] = &[JobState::Pending, JobState::Running];

pub(super) async fn execution_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<Execution>> {
    list.sort_by(&["created_at"], SortDirection::Descending)?;
    let mut filter = executions::Filter {
        search: list.search.clone(),
        ..Default::default()
    };
    for (field, values) in &list.filters {
        match field.as_str() {
            "schedule" => filter.schedules = words(field, values, |word| word.parse().ok())?,
            "script" => filter.scripts = words(field, values, |word| word.parse().ok())?,
            "action" => filter.actions = words(field, values, |word| word.parse().ok())?,
            "outcome" => filter.outcomes = words(field, values, executions::Outcome::parse)?,
            "type" => {
                filter.kinds = words(field, values, |word| {
                    JobType::parse(word).map(|kind| kind.as_str().to_owned())
                })?;
            }
            _ => return Err(unknown_filter(field, "script, action, schedule, type, outcome")),
        }
    }
    let (reach, groups_reach) = (caller.reach(VIEW), caller.reach(Permission::AgentsView));
    let (page, limit) = (list.page.clone(), list.page.limit);
    let (rows, counts, names) = app
        .store
        .scan::<_, Error, _>(tx!(tx => {
            let rows = executions::list(tx, &reach, &filter, &page).await?;
            let ids: Vec<ExecutionId> = rows.iter().map(|row| row.id).collect();
            let counts = executions::counts(tx, &reach, &ids).await?;
            let targets = rows.iter().map(targets_of).collect::<Result<Vec<_>>>()?;
            let names = Names::of(tx, &reach, &groups_reach, targets.iter()).await?;
            Ok((rows, counts, names))
        }))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: String::new(),
            id: row.id.0,
        },
        |row| execution_of(row, &counts, &names),
    )
}

pub(super) async fn execution_show(app: &App, caller: &Caller, id: ExecutionId) -> Result<Execution> {
    let (reach, groups_reach) = (caller.reach(VIEW), caller.reach(Permission::AgentsView));
    let who = caller.clone();
    app.store
        .scan::<_, Error, _>(tx!(tx => {
            let row = executions::find(tx, &reach, id).await?.ok_or_else(|| missing(id))?;
            let may_repeat = runners::may_repeat(tx, &who, row.action()).await?;
            let counts = executions::counts(tx, &reach, &[id]).await?;
            let targets = targets_of(&row)?;
            let names = Names::of(tx, &reach, &groups_reach, std::iter::once(&targets)).await?;
            let execution = execution_of(row, &counts, &names)?;
            Ok(Execution { may_repeat: Some(may_repeat), ..execution })
        }))
        .await
}

/// With at least one job that the caller may manage.
async fn managed(
    tx: &mut Tx<'_>,
    view: &Reach,
    manage: &Reach,
    id: ExecutionId,
) -> Result<executions::Execution> {
    match executions::find(tx, manage, id).await? {
        Some(row) => Ok(row),
        None if executions::find(tx, view, id).await?.is_some() => Err(Error::Forbidden(MANAGE)),
        None => Err(missing(id)),
    }
}

fn missing(id: ExecutionId) -> Error {
    Error::not_found("execution", id)
}

fn targets_of(row: &executions::Execution) -> Result<Targets> {
    serde_json::from_str(&row.targets)
        .map_err(|error| Error::Internal(format!("execution {} in the database: {error}", row.id)))
}

/// Hosts that the caller may not see are shown by their numbers.
fn execution_of(
    row: executions::Execution,
    counts: &[executions::Count],
    names: &Names,
) -> Result<Execution> {
    let internal =
        |error: serde_json::Error| Error::Internal(format!("execution {} in the database: {error}", row.id));
    let (targets, action) = (names.shown(targets_of(&row)?), row.action());
    let own = counts.iter().filter(|count| count.execution_id == row.id);
    let finished = own.clone().all(|count| count.state.is_final());
    let states: BTreeMap<String, i64> = own
        .map(|count| (count.state.as_str().to_owned(), count.jobs))
        .collect();
    let plan = row
        .rolling
        .as_deref()
        .map(serde_json::from_str)
        .transpose()
        .map_err(internal)?;
    Ok(Execution {
        id: row.id,
        kind: super::convert::kind_of(&row.kind)?,
        created_at: row.created,
        created_by: row.created_by,
        hosts: states.values().sum(),
        counts: states,
        finished,
        rolling: plan.map(|plan| RollingState {
            plan,
            batches: row.batches,
            begun: row.released,
            resumes_at: row.resume.filter(|_| row.open),
            stopped: row.stopped,
        }),
        script: row
            .script_id
            .zip(row.script_version)
            .map(|(id, version)| ScriptReference { id, version }),
        action: action.map(|(id, version)| ActionReference { id, version }),
        rerun_of: row.rerun_of,
        schedule_id: row.schedule_id,
        instance_id: row.instance_id,
        targets,
        summary: row.summary,
        may_repeat: None,
    })
}

/// Those that wait first, so that no batch begins meanwhile.
pub(super) async fn execution_cancel(
    app: &App,
    caller: &Caller,
    id: ExecutionId,
) -> Result<ExecutionChanged> {
    let change = Change {
        operation: "execution_cancel",
        action: "job_cancel",
        event: Event::CancelRequested,
        states: &[&[JobState::Queued], OPEN],
    };
    change.apply(app, caller, id).await
}

pub(super) async fn execution_retry(app: &App, caller: &Caller, id: ExecutionId) -> Result<ExecutionChanged> {
    let change = Change {
        operation: "execution_retry",
        action: "job_retry",
        event: Event::RetryRequested,
        states: &[FAILED],
    };
    change.apply(app, caller, id).await
}

fn everywhere() -> Reach {
    Reach {
        everywhere: true,
        ..Reach::default()
    }
}

/// As a part of what ends a workflow. Returns the agents to wake.
pub(crate) async fn cancel_by_system(
    tx: &mut Tx<'_>,
    id: ExecutionId,
    now: Timestamp,
) -> Result<Vec<AgentId>> {
    let mut agents = Vec::new();
    let states = [JobState::Queued, JobState::Pending, JobState::Running];
    for (job, agent) in executions::jobs_in(tx, &everywhere(), id, &states).await? {
        let Some(machine) = jobs::machine(tx, job).await? else {
            continue;
        };
        if states.contains(&machine.state) {
            let change = apply_by_system(tx, &machine, Event::CancelRequested, now).await?;
            agents.extend(change.freed.into_iter().chain([agent]));
        }
    }
    Ok(agents)
}

/// One event for many jobs.
#[derive(Debug, Clone)]
struct Change {
    operation: &'static str,
    /// What it is called on the record of each job.
    action: &'static str,
    event: Event,
    /// Jobs in these states, the first ones first.
    states: &'static [&'static [JobState]],
}

impl Change {
    async fn apply(self, app: &App, caller: &Caller, id: ExecutionId) -> Result<ExecutionChanged> {
        let (view, manage) = (caller.reach(VIEW), caller.reach(MANAGE));
        let states = self.states;
        let (who, again) = (caller.clone(), matches!(self.event, Event::RetryRequested));
        let (tenant, found) = app
            .store
            .scan::<_, Error, _>(tx!(tx => {
                let row = managed(tx, &view, &manage, id).await?;
                if again {
                    runners::check_again(tx, &who, row.action()).await?;
                }
                let mut found = Vec::new();
                for states in states {
                    found.extend(executions::jobs_in(tx, &manage, id, states).await?);
                }
                Ok((row.tenant_id, found))
            }))
            .await?;
        let mut entry = caller.entry(app.now(), self.operation, format!("execution:{id}"), tenant);
        entry.after = Some(serde_json::json!({"jobs": found.len()}).to_string());
        let mut changed = 0;
        // The whole is on record with the first of its parts, even when that has nothing to do.
        let mut entries = vec![entry];
        let mut parts = found.chunks(AT_ONCE);
        loop {
            let part = parts.next().unwrap_or_default();
            if part.is_empty() && entries.is_empty() {
                break;
            }
            changed += self
                .part(app, caller, part.to_vec(), std::mem::take(&mut entries))
                .await?;
        }
        app.rollouts.notify_one();
        Ok(ExecutionChanged { changed })
    }

    /// In one transaction. A job that has left the states meanwhile is passed over.
    async fn part(
        &self,
        app: &App,
        caller: &Caller,
        part: Vec<(JobId, AgentId)>,
        entries: Vec<audit::Entry>,
    ) -> Result<u32> {
        let (now, author, change) = (app.now(), caller.clone(), self.clone());
        let done = app
            .store
            .write::<_, Error, _>(tx!(tx => {
                let mut done = Vec::new();
                for (job, agent) in part {
                    let Some(machine) = jobs::machine(tx, job).await? else { continue };
                    if change.states.iter().any(|states| states.contains(&machine.state)) {
                        let event = change.event.clone();
                        let change = apply_recorded(tx, &author, &machine, change.action, event, now).await?;
                        done.push((job, agent, change));
                    }
                }
                audit::append(tx, entries).await?;
                Ok(done)
            }))
            .await?;
        let changed = u32::try_from(done.len()).unwrap_or(u32::MAX);
        for (job, agent, change) in done {
            if let Some(state) = change.ended() {
                app.metrics.job_ended(state);
            }
            app.hub.job_changed(job, News::State);
            app.hub.wake(change.freed.into_iter().chain([agent]));
        }
        Ok(changed)
    }
}

/// The same again, as a new execution, on all of its hosts, on those where it failed, or on those where it did not complete.
pub(super) async fn execution_rerun(
    app: &App,
    caller: &Caller,
    id: ExecutionId,
    request: ExecutionRerun,
    key: Key,
) -> Result<JobsCreated> {
    let (view, manage) = (caller.reach(VIEW), caller.reach(MANAGE));
    let (who, only) = (caller.clone(), request.hosts);
    let prepared = app
        .store
        .scan::<_, Error, _>(tx!(tx => {
            let row = managed(tx, &view, &manage, id).await?;
            runners::check_again(tx, &who, row.action()).await?;
            let found = executions::jobs_in(tx, &manage, id, &states_of(only)).await?;
            if found.is_empty() {
                return Err(Error::conflict("nothing_to_rerun", nothing_to_rerun(id, only)));
            }
            let carried = carried(tx, id, &found).await?;
            let agents = found.iter().map(|(_, agent)| agent.to_string()).collect();
            Ok(prepare_again(tx, row, agents).await?.carrying(carried))
        }))
        .await?;
    start(
        app,
        caller,
        "execution_rerun",
        &(id, request),
        key,
        (prepared, None),
    )
    .await
}

/// Those of the hosts that are meant, by their newest attempts.
fn states_of(hosts: RerunHosts) -> Vec<JobState> {
    match hosts {
        RerunHosts::Failed => FAILED.to_vec(),
        RerunHosts::Unfinished => [FAILED, &[JobState::Cancelled]].concat(),
        RerunHosts::All => JobState::ALL.to_vec(),
    }
}

fn nothing_to_rerun(id: ExecutionId, hosts: RerunHosts) -> String {
    match hosts {
        RerunHosts::Failed => format!(
            "Execution {id} has no host on which it failed: run it again on those where it was cancelled too, or on all."
        ),
        RerunHosts::Unfinished => format!(
            "Execution {id} has no host on which it failed or was cancelled: run it again on all hosts instead."
        ),
        RerunHosts::All => format!("Execution {id} has no host any more: run it anew."),
    }
}

/// The same of all jobs of an execution, for a step of a workflow that tries some of its hosts again.
pub(crate) async fn carried_from(tx: &mut Tx<'_>, id: ExecutionId) -> Result<Carried> {
    let found = executions::jobs_in(tx, &everywhere(), id, JobState::ALL).await?;
    carried(tx, id, &found).await
}

/// Keys and groups of the jobs that are run again.
async fn carried(tx: &mut Tx<'_>, id: ExecutionId, found: &[(JobId, AgentId)]) -> Result<Carried> {
    let jobs: Vec<JobId> = found.iter().map(|(job, _)| *job).collect();
    let agents: HashMap<JobId, AgentId> = found.iter().copied().collect();
    let guarded = jobs::groups_of(tx, &jobs).await?;
    Ok(Carried {
        keys: executions::concurrency_keys(tx, id).await?.into_iter().collect(),
        guarded: guarded
            .into_iter()
            .filter_map(|(job, group)| Some((*agents.get(&job)?, group)))
            .collect(),
        groups: Vec::new(),
    })
}

async fn prepare_again(tx: &mut Tx<'_>, row: executions::Execution, agents: Vec<String>) -> Result<Prepared> {
    let id = row.id;
    let again = executions::repeat(tx, id).await?.ok_or_else(|| missing(id))?;
    let internal = |error: serde_json::Error| Error::Internal(format!("execution {id}: {error}"));
    let work: JobPayload = serde_json::from_str(&again.payload).map_err(internal)?;
    let secret = match again.secret {
        Some(secret) if jobs::secret(tx, secret).await?.is_none() => {
            return Err(Error::conflict(
                "secrets_gone",
                format!(
                    "The secrets of execution {id} were removed when it completed: run it anew and give them."
                ),
            ));
        }
        Some(secret) => Kept::Old(secret),
        None => Kept::None,
    };
    let action = row.action();
    let run = Run {
        work,
        summary: Some(row.summary),
        targets: Targets {
            agents,
            ..Default::default()
        },
        priority: Some(jobs::priority_of(again.priority)),
        timeout_seconds: Some(again.timeout_seconds),
        not_before: None,
        rolling: row
            .rolling
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(internal)?,
        concurrency: row
            .concurrency
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .map_err(internal)?,
        origin: executions::Origin {
            script: row.script_id.zip(row.script_version),
            rerun_of: Some(id),
            schedule: None,
            action,
            instance: None,
        },
    };
    Prepared::with(run, secret)
}
