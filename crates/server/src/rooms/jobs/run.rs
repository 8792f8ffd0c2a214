//! Making jobs: what is to run is checked first, then turned into one job per host in one transaction.

use std::collections::{BTreeSet, HashMap, HashSet};

use postern_api::{
    jobs::{Concurrency, JobCreate, JobPreview, JobReference, JobsCreated},
    secret::SecretText,
    targets::Targets,
};
use postern_domain::{
    AgentId, GroupId, InstanceId, JobId, ScheduleId, ScriptId, Timestamp,
    job::{DEFAULT_TIMEOUT_SECONDS, JobState, MAX_TIMEOUT_SECONDS, Priority},
    name::parameter_variable,
    permission::{Permission, Place, Reach},
    rollout::Rolling,
};
use postern_protocol::{
    payload::{JobPayload, JobType},
    seal::Secrets,
};
use postern_store::{
    Tx,
    agents::groups,
    audit,
    jobs::{self, Host, executions},
    tx,
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{
    claim::too_large,
    secrets,
    targets::{self, Arranged},
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        idempotency::{self, Answered, Key},
    },
    named::json,
    rooms::agents::targets::{check as check_targets, groups_of, resolve},
};

/// Longest concurrency key.
const MAX_KEY: usize = 100;

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

/// A run that was checked and can be made any number of times.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    run: Run,
    payload: String,
    digest: String,
    secret: Kept,
    again: Option<Carried>,
}

/// What a run would do, for people who decide on it.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) summary: String,
    /// JSON.
    pub(crate) payload: &'a str,
    pub(crate) timeout_seconds: u32,
    /// The saved script and its version.
    pub(crate) script: Option<(ScriptId, u32)>,
    pub(crate) action: Option<executions::ActionRun>,
}

/// What jobs that are run again have from those before: it cannot be found again from the names of their hosts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Carried {
    /// Their concurrency keys.
    pub(crate) keys: HashMap<AgentId, Option<String>>,
    /// The groups whose blackouts hold for them.
    pub(crate) guarded: Vec<(AgentId, GroupId)>,
    /// The groups that named their hosts: a host whose key is not known any more gets it by them.
    pub(crate) groups: Vec<GroupId>,
}

/// The hosts of a run as they were at one moment: what is compared with them is what gets jobs.
#[derive(Debug)]
pub(crate) struct Found(Arranged);

impl Found {
    /// Where they lie.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> {
        self.0.hosts.iter().map(|host| host.target.place())
    }

    /// By name.
    pub(crate) fn shown(&self) -> Vec<(AgentId, String)> {
        let hosts = self.0.hosts.iter();
        let mut hosts: Vec<(AgentId, String)> = hosts
            .map(|host| (host.target.id, host.target.name.clone()))
            .collect();
        hosts.sort_unstable_by(|one, other| one.1.cmp(&other.1));
        hosts
    }
}

/// Where the values of its secrets come from.
#[derive(Debug, Clone)]
pub(crate) enum Kept {
    None,
    New(jobs::Secret),
    /// Those that another execution waits with already.
    Old(i64),
}

/// On whose account jobs are made, and where that person may make them.
#[derive(Debug, Clone)]
pub(crate) struct Author {
    pub(crate) caller: Caller,
    pub(crate) reach: Reach,
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

/// By spec 4: what an operator does in an emergency goes first.
const fn default_priority(kind: JobType) -> Priority {
    match kind {
        JobType::ServiceControl | JobType::ProcessControl | JobType::UserControl | JobType::GroupControl => {
            Priority::Critical
        }
        JobType::NetworkDiagnostic => Priority::High,
        JobType::Command | JobType::Script | JobType::SoftwareInstall | JobType::HttpRequest => {
            Priority::Normal
        }
    }
}

impl Prepared {
    /// Checks everything that needs no database. Returns the password that was drawn, if one was.
    pub(crate) fn new(app: &App, run: Run, mut values: Secrets) -> Result<(Self, Option<Zeroizing<String>>)> {
        check(&run)?;
        let drawn = secrets::complete(&run.work, &mut values)?;
        let secret = secrets::keep(app, &values)?.map_or(Kept::None, Kept::New);
        Ok((Self::with(run, secret)?, drawn))
    }

    /// Of what ran before.
    pub(crate) fn with(run: Run, secret: Kept) -> Result<Self> {
        let payload = serde_json::to_string(&run.work).map_err(|error| Error::Internal(error.to_string()))?;
        if let Some(problem) = too_large(&payload) {
            return Err(Error::invalid("payload", problem));
        }
        Ok(Self {
            digest: digest(payload.as_bytes()),
            payload,
            run,
            secret,
            again: None,
        })
    }

    pub(crate) fn carrying(mut self, carried: Carried) -> Self {
        self.again = Some(carried);
        self
    }

    pub(crate) fn by_schedule(mut self, id: ScheduleId) -> Self {
        self.run.origin.schedule = Some(id);
        self
    }

    /// Called after the action it comes from, with the version that runs; a draft has none.
    pub(crate) fn by_action(mut self, name: &str, origin: executions::ActionRun) -> Self {
        self.run.summary = Some(format!("{name}: {}", self.summary()));
        self.run.origin.action = Some(origin);
        self
    }

    /// As a step of a workflow, which hears of its end.
    pub(crate) fn by_instance(mut self, id: InstanceId) -> Self {
        self.run.origin.instance = Some(id);
        self
    }

    /// The same, on fewer hosts.
    pub(crate) fn only_on(mut self, hosts: Targets) -> Self {
        self.run.targets = hosts;
        self
    }

    /// The same, with another time for each job, which was checked when it was saved.
    pub(crate) fn within(mut self, timeout_seconds: u32) -> Self {
        self.run.timeout_seconds = Some(timeout_seconds);
        self
    }

    /// Of a script: the digest of its whole text.
    pub(crate) fn content_sha256(&self) -> Option<String> {
        content_digest(&self.run.work)
    }

    /// What it would do.
    pub(crate) fn shown(&self) -> Shown<'_> {
        let origin = &self.run.origin;
        Shown {
            summary: self.summary(),
            payload: &self.payload,
            timeout_seconds: self.run.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            script: origin.script,
            action: origin.action,
        }
    }

    /// Its hosts as they are now.
    pub(crate) async fn find(&self, tx: &mut Tx<'_>, author: &Author) -> Result<Found> {
        self.hosts(tx, author).await.map(Found)
    }

    /// The groups that its targets name, as far as they are there now, and the hosts that they guard.
    pub(crate) async fn groups(
        &self,
        tx: &mut Tx<'_>,
        author: &Author,
    ) -> Result<(Vec<GroupId>, Vec<(AgentId, GroupId)>)> {
        groups_of(tx, &author.reach, &author.groups, &self.run.targets).await
    }

    /// Whether there are hosts for it now, which can take its secrets. Returns the targets with ids for names.
    pub(crate) async fn check_targets(&self, tx: &mut Tx<'_>, author: &Author) -> Result<Targets> {
        let arranged = self.hosts(tx, author).await?;
        if !matches!(self.secret, Kept::None) {
            check_sealing(&arranged.hosts)?;
        }
        Ok(arranged.by_id)
    }

    fn summary(&self) -> String {
        self.run
            .summary
            .clone()
            .unwrap_or_else(|| self.run.work.summary())
    }

    async fn hosts(&self, tx: &mut Tx<'_>, author: &Author) -> Result<Arranged> {
        let run = &self.run;
        let mut found = resolve(tx, &author.reach, &author.groups, &run.targets).await?;
        if let Some(again) = &self.again {
            found.guarded.extend(again.guarded.iter().copied());
            found.groups.extend(again.groups.iter().copied());
        }
        let keys = self.again.as_ref().map(|again| &again.keys);
        targets::arrange(found, run.rolling.as_ref(), run.concurrency.as_ref(), keys)
    }

    /// One job per host, with their records, in the caller's transaction. `action`: what the whole is called on
    /// record, where that says more than its jobs do.
    pub(crate) async fn create(
        self,
        tx: &mut Tx<'_>,
        author: &Author,
        action: Option<&'static str>,
        now: Timestamp,
    ) -> Result<JobsCreated> {
        let found = self.find(tx, author).await?;
        self.create_on(tx, author, found, action, now).await
    }

    /// The same on hosts that were found before.
    pub(crate) async fn create_on(
        self,
        tx: &mut Tx<'_>,
        author: &Author,
        found: Found,
        action: Option<&'static str>,
        now: Timestamp,
    ) -> Result<JobsCreated> {
        let Arranged {
            hosts,
            batches,
            guarded,
            by_id,
        } = found.0;
        let summary = self.summary();
        let Self {
            run,
            payload,
            digest,
            secret,
            again: _,
        } = self;
        let kind = run.work.kind();
        let content = content_digest(&run.work);
        if !matches!(secret, Kept::None) {
            check_sealing(&hosts)?;
        }
        let execution = executions::NewExecution {
            tenant: hosts[0].target.tenant_id,
            kind: kind.as_str(),
            summary: summary.clone(),
            created_by: author.caller.actor(),
            targets: json(&by_id)?,
            rolling: run.rolling.as_ref().map(json).transpose()?,
            concurrency: run.concurrency.as_ref().map(json).transpose()?,
            batches,
            origin: run.origin,
        };
        let execution_id = executions::create(tx, &execution, now).await?;
        let secret = match secret {
            Kept::None => None,
            Kept::New(secret) => Some(jobs::secret_keep(tx, secret).await?),
            Kept::Old(id) => Some(id),
        };
        let new = jobs::NewJobs {
            kind: kind.as_str(),
            payload,
            payload_digest: digest,
            summary,
            priority: run.priority.unwrap_or(default_priority(kind)),
            timeout_seconds: run.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            not_before: run.not_before,
            created_by: author.caller.actor(),
            execution: execution_id,
            secret,
            script: execution.origin.script.map(|(id, _)| id),
            schedule: execution.origin.schedule,
            instance: execution.origin.instance,
        };
        let created = jobs::create(tx, &new, &hosts, now).await?;
        keep_groups(tx, &created, guarded).await?;
        let made = Made {
            new: &new,
            content: content.as_deref(),
            hosts: &hosts,
        };
        let references = record(tx, author, &made, created, now).await?;
        if let Some(action) = action {
            let tenant = execution.tenant;
            let mut entry = author
                .caller
                .entry(now, action, format!("execution:{execution_id}"), tenant);
            let after = serde_json::json!({
                "summary": new.summary, "payload_sha256": new.payload_digest, "content_sha256": content,
                "hosts": references.len(),
                "script": execution.origin.script.map(|(id, _)| id),
                "version": execution.origin.script.map(|(_, version)| version),
                "action": execution.origin.action.map(|(id, _)| id),
                "action_version": execution.origin.action.and_then(|(_, version)| version),
                "rerun_of": execution.origin.rerun_of,
            });
            entry.after = Some(after.to_string());
            audit::append(tx, vec![entry]).await?;
        }
        Ok(JobsCreated {
            execution_id,
            jobs: references,
            generated_password: None,
        })
    }
}

/// Jobs on hosts of groups with a calendar go by its blackouts.
async fn keep_groups(
    tx: &mut Tx<'_>,
    created: &[(JobId, AgentId)],
    guarded: Vec<(AgentId, GroupId)>,
) -> Result<()> {
    if guarded.is_empty() {
        return Ok(());
    }
    let jobs_of: HashMap<AgentId, JobId> = created.iter().map(|(job, agent)| (*agent, *job)).collect();
    // A group may be named twice.
    let rows: BTreeSet<(JobId, GroupId)> = guarded
        .into_iter()
        .filter_map(|(agent, group)| Some((*jobs_of.get(&agent)?, group)))
        .collect();
    Ok(jobs::groups_keep(tx, &rows.into_iter().collect::<Vec<_>>()).await?)
}

/// New jobs as they are recorded.
struct Made<'a> {
    new: &'a jobs::NewJobs,
    /// Of scripts: the digest of the whole text.
    content: Option<&'a str>,
    hosts: &'a [Host],
}

/// The records of new jobs, and what the caller is told of them.
async fn record(
    tx: &mut Tx<'_>,
    author: &Author,
    made: &Made<'_>,
    created: Vec<(JobId, AgentId)>,
    now: Timestamp,
) -> Result<Vec<JobReference>> {
    let Made { new, content, hosts } = *made;
    let by_id: HashMap<AgentId, &Host> = hosts.iter().map(|host| (host.target.id, host)).collect();
    let mut references = Vec::with_capacity(created.len());
    let mut entries = Vec::with_capacity(created.len());
    for (id, agent_id) in created {
        let target = &by_id[&agent_id].target;
        let agent = target.name.clone();
        let mut entry = author
            .caller
            .entry(now, "job_create", format!("job:{id}"), target.tenant_id);
        let mut after = serde_json::json!({
            "agent": agent, "type": new.kind, "summary": new.summary, "payload_sha256": new.payload_digest,
            "execution": new.execution,
        });
        if let Some(content) = content {
            after["content_sha256"] = content.into();
        }
        entry.after = Some(after.to_string());
        entries.push(entry);
        references.push(JobReference {
            id,
            agent_id,
            agent,
            state: JobState::Queued,
        });
    }
    references.sort_by_key(|reference| reference.id);
    audit::append(tx, entries).await?;
    Ok(references)
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of a script: the digest of its whole text, as it is told by the policy of an agent.
fn content_digest(work: &JobPayload) -> Option<String> {
    match work {
        JobPayload::Script(script) => Some(digest(script.content.as_bytes())),
        _ => None,
    }
}

fn check_sealing(hosts: &[Host]) -> Result<()> {
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

fn check(run: &Run) -> Result<()> {
    check_targets(&run.targets)?;
    run.work
        .check()
        .map_err(|error| Error::invalid(format!("payload.{}", error.field), error.problem))?;
    if let JobPayload::Script(script) = &run.work {
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
    (run, secrets_of(&request.secrets))
}

pub(crate) fn secrets_of(given: &std::collections::BTreeMap<String, SecretText>) -> Secrets {
    given
        .iter()
        .map(|(name, value)| (name.clone(), Zeroizing::new(value.reveal().to_owned())))
        .collect()
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
            prepared.check_targets(tx, &author).await?;
            let arranged = prepared.hosts(tx, &author).await?;
            let dark = groups::dark(tx, now).await?;
            Ok(JobPreview {
                summary: prepared.summary(),
                batches: arranged.batches,
                hosts: targets::preview(&arranged, Some(&prepared.run.work), &dark, now).hosts,
                content_sha256: content_digest(&prepared.run.work),
                payload_sha256: prepared.digest,
            })
        }))
        .await
}

#[cfg(test)]
mod tests {
    use postern_domain::{label::Labels, permission::Rights};
    use postern_protocol::{
        limits::{
            COMMAND_BYTES, COMMAND_VARIABLES, HTTP_BODY_BYTES, HTTP_HEADERS, HTTP_URL_BYTES, PARAMETER_BYTES,
            PAYLOAD_BYTES, SCRIPT_BYTES,
        },
        payload::{Command, HttpRequest, Language, Script},
    };
    use postern_store::{
        Store,
        agents::{self, NewAgent},
        identity,
    };

    use super::*;

    fn with(work: JobPayload) -> Result<Prepared> {
        let run = Run {
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
        };
        Prepared::with(run, Kept::None)
    }

    fn script(content: &str) -> JobPayload {
        JobPayload::Script(Script::new(Language::Bash, content))
    }

    /// So many variables of 64 KiB.
    fn variables(count: usize, letter: &str) -> JobPayload {
        let variable = |number| (format!("A{number}"), letter.repeat(PARAMETER_BYTES));
        JobPayload::Command(Command {
            argv: vec!["true".into()],
            environment: (0..count).map(variable).collect(),
            ..Default::default()
        })
    }

    #[test]
    fn payloads_are_refused_beyond_the_bound_as_they_are_sent() {
        let of = |bytes: usize| with(script(&"x".repeat(bytes)));
        let empty = of(0).unwrap().payload;
        let around = empty.len() + empty.matches('"').count();
        assert!(of(PAYLOAD_BYTES - around).is_ok());
        for beyond in [
            of(PAYLOAD_BYTES - around + 1),
            with(variables(COMMAND_VARIABLES, "\u{1}")),
        ] {
            let Err(Error::Invalid(problems)) = beyond else {
                panic!("it is too large")
            };
            assert_eq!(problems[0].field, "payload");
            assert!(
                problems[0].message.contains(&PAYLOAD_BYTES.to_string()),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn what_single_fields_can_hold_is_taken() {
        let request = |letter: &str| {
            JobPayload::HttpRequest(HttpRequest {
                method: "POST".into(),
                url: "https://web-1/".into(),
                headers: (0..HTTP_HEADERS)
                    .map(|number| (format!("X-{number}"), "\"".repeat(HTTP_URL_BYTES)))
                    .collect(),
                secret_headers: std::collections::BTreeMap::new(),
                body: Some(letter.repeat(HTTP_BODY_BYTES)),
                expected_status: Vec::new(),
                allow_invalid_certificate: false,
                extra_ca: None,
                max_redirects: None,
                max_answer_bytes: None,
            })
        };
        for letter in ["x", "\"", "\u{1}"] {
            for work in [
                script(&letter.repeat(SCRIPT_BYTES)),
                JobPayload::Command(Command {
                    argv: vec![letter.repeat(COMMAND_BYTES)],
                    ..Default::default()
                }),
                request(letter),
            ] {
                work.check().unwrap();
                with(work).unwrap();
            }
        }
        with(variables(COMMAND_VARIABLES, "x")).unwrap();
    }

    /// Somebody who may run jobs everywhere.
    fn author() -> Author {
        let everywhere = || Reach {
            everywhere: true,
            ..Reach::default()
        };
        Author {
            caller: Caller {
                user: None,
                token: None,
                rights: Rights::default(),
                limited: None,
                session: None,
                csrf: None,
                expires: NOW,
                address: None,
                through: None,
            },
            reach: everywhere(),
            groups: everywhere(),
        }
    }

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    #[tokio::test]
    async fn jobs_are_made_on_the_hosts_that_were_found_and_on_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("postern.db").display());
        let store = Store::open(&url).await.unwrap();
        let made = store
            .write::<_, Error, _>(tx!(tx => {
                let tenant = identity::tenant_create(tx, "default", NOW).await?;
                let organization = identity::organization_create(tx, tenant, "default", NOW).await?;
                let agent = |name: &str| NewAgent {
                    place: Place::organization(tenant, organization),
                    name: name.to_owned(),
                    labels: Labels::default(),
                    slots: 10,
                };
                let first = agents::create(tx, agent("web-1"), NOW).await?;
                let (prepared, author) = (with(script("true"))?, author());
                let found = prepared.find(tx, &author).await?;
                agents::create(tx, agent("web-2"), NOW).await?;
                assert_eq!(prepared.find(tx, &author).await?.shown().len(), 2);
                assert_eq!(found.shown(), [(first, "web-1".to_owned())]);
                prepared.create_on(tx, &author, found, None, NOW).await
            }))
            .await
            .unwrap();
        let names: Vec<&str> = made.jobs.iter().map(|job| job.agent.as_str()).collect();
        assert_eq!(names, ["web-1"]);
    }
}
