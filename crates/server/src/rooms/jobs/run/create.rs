//! Makes the jobs of a run, with their records.

use std::collections::{BTreeSet, HashMap};

use postern_api::jobs::{JobReference, JobsCreated};
use postern_domain::{
    AgentId, GroupId, JobId, Timestamp,
    job::{DEFAULT_TIMEOUT_SECONDS, JobState, Priority},
};
use postern_protocol::payload::JobType;
use postern_store::{
    Tx, audit,
    jobs::{self, Host, executions},
};

use super::{Author, Found, Kept, Prepared};
use crate::{error::Result, named::json, rooms::jobs::targets::Arranged};

impl Prepared {
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
        self.check_secrets(&found.0)?;
        let Arranged {
            hosts,
            batches,
            guarded,
            by_id,
        } = found.0;
        let (summary, content) = (self.summary(), self.content_sha256());
        let Self {
            run,
            payload,
            digest,
            secret,
            ..
        } = self;
        let kind = run.work.kind();
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
        let origin = &execution.origin;
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
            script: origin.script.map(|(id, _)| id),
            schedule: origin.schedule,
            instance: origin.instance,
        };
        let created = jobs::create(tx, &new, &hosts, now).await?;
        keep_groups(tx, &created, guarded).await?;
        let made = Made {
            new: &new,
            content: content.as_deref(),
            hosts: &hosts,
            origin,
        };
        let references = record(tx, author, &made, created, now).await?;
        if let Some(action) = action {
            record_whole(tx, author, action, &made, now).await?;
        }
        Ok(JobsCreated {
            execution_id,
            jobs: references,
            generated_password: None,
        })
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
    origin: &'a executions::Origin,
}

/// The records of new jobs, and what the caller is told of them.
async fn record(
    tx: &mut Tx<'_>,
    author: &Author,
    made: &Made<'_>,
    created: Vec<(JobId, AgentId)>,
    now: Timestamp,
) -> Result<Vec<JobReference>> {
    let Made {
        new, content, hosts, ..
    } = *made;
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

/// The record of all of them together.
async fn record_whole(
    tx: &mut Tx<'_>,
    author: &Author,
    action: &'static str,
    made: &Made<'_>,
    now: Timestamp,
) -> Result<()> {
    let Made {
        new,
        content,
        hosts,
        origin,
    } = *made;
    let object = format!("execution:{}", new.execution);
    let mut entry = author
        .caller
        .entry(now, action, object, hosts[0].target.tenant_id);
    let after = serde_json::json!({
        "summary": new.summary, "payload_sha256": new.payload_digest, "content_sha256": content,
        "hosts": hosts.len(),
        "script": origin.script.map(|(id, _)| id),
        "version": origin.script.map(|(_, version)| version),
        "action": origin.action.map(|(id, _)| id),
        "action_version": origin.action.and_then(|(_, version)| version),
        "rerun_of": origin.rerun_of,
    });
    entry.after = Some(after.to_string());
    Ok(audit::append(tx, vec![entry]).await?)
}

#[cfg(test)]
mod tests {
    use postern_domain::{
        label::Labels,
        permission::{Place, Reach, Rights},
    };
    use postern_protocol::payload::{JobPayload, Language, Script};
    use postern_store::{
        Store,
        agents::{self, NewAgent},
        identity, tx,
    };

    use super::*;
    use crate::{error::Error, http::Caller, rooms::jobs::run::Run};

    fn script() -> Prepared {
        let work = JobPayload::Script(Script::new(Language::Bash, "true"));
        Prepared::with(Run::everywhere(work), Kept::None).unwrap()
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
                let (prepared, author) = (script(), author());
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
