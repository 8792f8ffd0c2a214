//! What most tests need to be there first.

use std::collections::BTreeMap;

use postern_domain::{
    AgentId, AttemptId, DepartmentId, ExecutionId, JobId, OrganizationId, TenantId, Timestamp, UserId,
    clone_guard::CloneGuard,
    job::Priority,
    label::Labels,
    permission::{Place, Reach},
};
use postern_store::{Cursor, Error, ListQuery, SortDirection, Tx, agents, identity, jobs, tx};

use crate::database::TestDatabase;

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(NOW.as_micros() + seconds * 1_000_000)
}

/// One tenant with one organization.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) db: TestDatabase,
    pub(crate) tenant: TenantId,
    pub(crate) organization: OrganizationId,
}

impl World {
    pub(crate) async fn new(db: &TestDatabase) -> Self {
        Self::named(db, "default").await
    }

    pub(crate) async fn named(db: &TestDatabase, name: &str) -> Self {
        let owned = name.to_owned();
        let (tenant, organization) = db
            .write(tx!(tx => {
                let tenant = identity::tenant_create(tx, &owned, NOW).await?;
                Ok((tenant, identity::organization_create(tx, tenant, &owned, NOW).await?))
            }))
            .await
            .unwrap();
        Self {
            db: db.clone(),
            tenant,
            organization,
        }
    }

    pub(crate) fn place(&self) -> Place {
        Place::organization(self.tenant, self.organization)
    }

    pub(crate) async fn organization(&self, name: &str) -> OrganizationId {
        let (tenant, name) = (self.tenant, name.to_owned());
        self.db
            .write(tx!(tx => identity::organization_create(tx, tenant, &name, NOW).await))
            .await
            .unwrap()
    }

    pub(crate) async fn department(&self, name: &str) -> DepartmentId {
        let (id, name) = (self.organization, name.to_owned());
        self.db
            .write(tx!(tx => {
                let organization = identity::organization_find(tx, id).await?.ok_or(Error::NotFound)?;
                identity::department_create(tx, &organization, &name).await
            }))
            .await
            .unwrap()
    }

    pub(crate) async fn user(&self, username: &str) -> UserId {
        let user = identity::NewUser {
            tenant: self.tenant,
            username: username.to_owned(),
            display_name: username.to_uppercase(),
            email: None,
            password_hash: "hash".into(),
        };
        self.db
            .write(tx!(tx => identity::user_create(tx, user, NOW).await))
            .await
            .unwrap()
    }

    pub(crate) async fn agent(&self, name: &str) -> AgentId {
        self.agent_at(self.place(), name, labels([])).await
    }

    pub(crate) async fn agent_at(&self, place: Place, name: &str, labels: Labels) -> AgentId {
        let agent = agents::NewAgent {
            place,
            name: name.to_owned(),
            labels,
            slots: 10,
        };
        self.db
            .write(tx!(tx => agents::create(tx, agent, NOW).await))
            .await
            .unwrap()
    }

    pub(crate) async fn seen(&self, agent: AgentId, when: Timestamp) {
        let beat = vec![(agent, when, CloneGuard::default())];
        self.db
            .write(tx!(tx => agents::heartbeats(tx, beat).await))
            .await
            .unwrap();
    }

    pub(crate) async fn job(&self, agent: AgentId) -> JobId {
        self.job_like(agent, new_jobs("true")).await
    }

    pub(crate) async fn job_like(&self, agent: AgentId, new: jobs::NewJobs) -> JobId {
        let created = self
            .db
            .write(tx!(tx => {
                let wanted = agents::Wanted { ids: vec![agent.0], ..Default::default() };
                let targets = agents::targets(tx, &everywhere(), &[wanted], 1).await?;
                let hosts: Vec<jobs::Host> = targets.into_iter().map(at_once).collect();
                jobs::create(tx, &new, &hosts, NOW).await
            }))
            .await
            .unwrap();
        assert_eq!(created.len(), 1);
        created[0].0
    }

    pub(crate) async fn hand_out(&self, job: JobId) -> AttemptId {
        self.db
            .write(tx!(tx => jobs::hand_out(tx, job, order(1), NOW).await))
            .await
            .unwrap()
    }

    /// A job in an agent's hands.
    pub(crate) async fn attempt(&self) -> AttemptId {
        let agent = self.agent("worker").await;
        let job = self.job(agent).await;
        self.hand_out(job).await
    }
}

/// What waits for an agent and is due.
pub(crate) async fn queued(
    tx: &mut Tx<'_>,
    agent: AgentId,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<jobs::Queued>, Error> {
    let (_, queued) = jobs::at_agent(tx, agent, now, limit).await?;
    Ok(queued)
}

pub(crate) fn order(number: u32) -> jobs::HandOut {
    jobs::HandOut {
        number,
        fence: 40 + i64::from(number),
        checkin_number: 7,
    }
}

pub(crate) fn new_jobs(payload: &str) -> jobs::NewJobs {
    jobs::NewJobs {
        kind: "command",
        payload: payload.to_owned(),
        payload_digest: format!("digest of {payload}"),
        summary: payload.to_owned(),
        priority: Priority::Normal,
        timeout_seconds: 300,
        not_before: None,
        created_by: "user:1".into(),
        execution: ExecutionId(1),
        secret: None,
        script: None,
        schedule: None,
        instance: None,
    }
}

/// In the only batch, without a key.
pub(crate) fn at_once(target: agents::Target) -> jobs::Host {
    jobs::Host {
        target,
        batch: 1,
        concurrency_key: None,
    }
}

pub(crate) fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    let owned = pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.collect::<BTreeMap<_, _>>()
}

pub(crate) fn everywhere() -> Reach {
    Reach {
        everywhere: true,
        ..Reach::default()
    }
}

pub(crate) fn page(limit: u32) -> ListQuery {
    ListQuery {
        limit,
        cursor: None,
        direction: SortDirection::Ascending,
    }
}

/// All rows, fetched in pages of `limit` by the cursors a caller would get, which survive their text form.
pub(crate) async fn walk<T>(
    limit: u32,
    direction: SortDirection,
    key: impl Fn(&T) -> Cursor,
    fetch: impl AsyncFn(ListQuery) -> Vec<T>,
) -> Vec<T> {
    let mut all = Vec::new();
    let mut query = ListQuery {
        limit,
        cursor: None,
        direction,
    };
    loop {
        let mut rows = fetch(query.clone()).await;
        let more = rows.len() > limit as usize;
        assert!(
            rows.len() <= limit as usize + 1,
            "at most one row more than asked for"
        );
        rows.truncate(limit as usize);
        query.cursor = rows.last().map(|row| Cursor::decode(&key(row).encode()).unwrap());
        all.append(&mut rows);
        if !more {
            return all;
        }
    }
}

pub(crate) const DIRECTIONS: [SortDirection; 2] = [SortDirection::Ascending, SortDirection::Descending];

/// Expects what was written ascending, whichever way it was listed.
pub(crate) fn ascending<T>(direction: SortDirection, mut rows: Vec<T>) -> Vec<T> {
    if direction == SortDirection::Descending {
        rows.reverse();
    }
    rows
}
