//! Questions to people. What answers come to is decided in `domain::approval`; this file loads and saves.

use std::time::Duration;

use postern_domain::{
    ApprovalId, DepartmentId, InstanceId, OrganizationId, TenantId, Timestamp, UserId,
    approval::ApprovalState,
    permission::{Place, Reach},
};

use crate::{
    Error, ListQuery, Tx,
    engine::{read_all, read_first, record, values},
    list::{Key, Select, contains},
    outbox,
};

record! {
    pub struct Approval {
        pub id: ApprovalId,
        pub tenant_id: TenantId,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub instance_id: InstanceId,
        pub run: u32,
        pub workflow: String,
        pub kind: String,
        pub state: ApprovalState,
        pub title: String,
        pub description: Option<String>,
        /// SHA-256 of [`work`].
        pub digest: String,
        pub opened: Timestamp,
        pub deadline: Timestamp,
        pub ended: Option<Timestamp>,
        pub started_by: String,
    }
}

impl Approval {
    pub fn place(&self) -> Place {
        Place {
            tenant: self.tenant_id,
            organization: self.organization_id,
            department: self.department_id,
        }
    }
}

macro_rules! select {
    () => {
        "SELECT p.id, p.tenant_id, p.organization_id, p.department_id, p.instance_id, p.run, p.workflow,
         p.type, p.state, p.title, p.description, p.digest, p.opened_us, p.deadline_us, p.ended_us,
         (SELECT i.started_by FROM instances i WHERE i.id = p.instance_id)
         FROM approvals p"
    };
}

#[derive(Debug, Clone)]
pub struct NewApproval {
    pub place: Place,
    pub instance: InstanceId,
    pub run: u32,
    pub workflow: String,
    pub starter: UserId,
    pub kind: String,
    pub title: String,
    pub description: Option<String>,
    /// Of each step that may follow its id, behind those of the steps that lead to it (`call/inner`), and what is going to
    /// run, as the people see it: JSON.
    pub work: Vec<(String, String)>,
    /// SHA-256 of [`work`].
    pub digest: String,
    pub deadline: Timestamp,
    /// How often those who have not answered are reminded.
    pub remind_every: Option<Duration>,
    /// Ids and names.
    pub people: Vec<(UserId, String)>,
}

pub async fn open(tx: &mut Tx<'_>, new: NewApproval, now: Timestamp) -> Result<ApprovalId, Error> {
    let sql = "INSERT INTO approvals (tenant_id, organization_id, department_id, instance_id, run, workflow, starter_id, type,
                 state, title, description, digest, opened_us, deadline_us, remind_every_us, remind_us)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $10, $11, $12, $13, $14, $15) RETURNING id";
    let every = new
        .remind_every
        .map(|every| i64::try_from(every.as_micros()).unwrap_or(i64::MAX));
    let values = values![
        new.place.tenant,
        new.place.organization,
        new.place.department,
        new.instance,
        new.run,
        new.workflow,
        new.starter,
        new.kind,
        new.title,
        new.description,
        new.digest,
        now,
        new.deadline,
        every,
        new.remind_every.map(|every| now.plus(every)),
    ];
    let id = tx.insert(sql, &values).await.map(ApprovalId)?;
    let rows = new
        .people
        .into_iter()
        .map(|(user, name)| values![id, user, name].to_vec());
    let head = "INSERT INTO approval_people (approval_id, user_id, name)";
    tx.many(head, &["BIGINT", "BIGINT", "TEXT"], "", rows.collect())
        .await?;
    let steps = new.work.into_iter().zip(0_u32..);
    let rows = steps.map(|((step, work), position)| values![id, step, position, work].to_vec());
    let head = "INSERT INTO approval_work (approval_id, step, position, work)";
    tx.many_later(head, &["BIGINT", "TEXT", "BIGINT", "TEXT"], "", rows.collect())
        .await?;
    Ok(id)
}

/// In a write it is kept from others until the end of the transaction, and its instance before it, as a turn of that
/// does: two that begin at different ends would wait for each other.
pub async fn find(tx: &mut Tx<'_>, id: ApprovalId) -> Result<Option<Approval>, Error> {
    let lock = tx.for_update();
    if lock.is_empty() {
        return tx
            .query_opt(concat!(select!(), " WHERE p.id = $1"), &values![id])
            .await?
            .map(Approval::from_row)
            .transpose();
    }
    let instance = format!(
        "SELECT i.id FROM instances i WHERE i.id = (SELECT p.instance_id FROM approvals p WHERE p.id = $1){lock}"
    );
    let own = format!("{} WHERE p.id = $1{lock} OF p", select!());
    let values = || values![id].to_vec();
    let [_, own] = tx.query_each([(&instance, values()), (&own, values())]).await?;
    let found = read_first(own, Approval::from_row)?;
    // Nobody has an approval without its instance.
    tx.mine(
        "instances",
        found.as_ref().map(|found| found.instance_id.0).as_slice(),
    )?;
    Ok(found)
}

/// All that is going to run, as the people see it: a JSON list.
pub async fn work(tx: &mut Tx<'_>, id: ApprovalId) -> Result<String, Error> {
    let sql = "SELECT w.work FROM approval_work w WHERE w.approval_id = $1 ORDER BY w.position";
    let rows = tx.query(sql, &values![id]).await?;
    let steps: Vec<String> = read_all(rows, |row| row.read(0))?;
    Ok(format!("[{}]", steps.join(",")))
}

/// Those of these instances that ended so, with the steps that asked.
pub async fn of_instances(
    tx: &mut Tx<'_>,
    instances: &[InstanceId],
    state: ApprovalState,
) -> Result<Vec<(ApprovalId, String)>, Error> {
    let mut select = Select::new(
        "SELECT p.id, r.step FROM approvals p JOIN step_runs r ON r.instance_id = p.instance_id AND r.run = p.run",
    );
    select
        .and("p.state = ?", values![state])
        .and_in("p.instance_id", instances.iter().copied());
    let (sql, values) = select.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(|mut row| Ok((row.take(0)?, row.take(1)?)))
        .collect()
}

/// The newest approval that was given and showed a step, with what it showed: JSON. One of the instance, or else of the
/// nearest above it: that knows the step behind the one which started the instance.
pub async fn approved(
    tx: &mut Tx<'_>,
    instance: InstanceId,
    step: &str,
) -> Result<Option<(ApprovalId, String)>, Error> {
    if let Some(found) = newest(tx, instance, step).await? {
        return Ok(Some(found));
    }
    let mut path = step.to_owned();
    for (parent, call) in above(tx, instance).await? {
        path = format!("{call}/{path}");
        if let Some(found) = newest(tx, parent, &path).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Of the instance itself: what was approved for one holds for those that try it again.
async fn newest(
    tx: &mut Tx<'_>,
    instance: InstanceId,
    step: &str,
) -> Result<Option<(ApprovalId, String)>, Error> {
    let sql = "WITH RECURSIVE tried (id, retry_of) AS (
                 SELECT i.id, i.retry_of FROM instances i WHERE i.id = $1
                 UNION ALL
                 SELECT i.id, i.retry_of FROM instances i JOIN tried t ON i.id = t.retry_of)
               SELECT p.id, w.work FROM tried t JOIN approvals p ON p.instance_id = t.id
               JOIN approval_work w ON w.approval_id = p.id
               WHERE p.state = 'approved' AND w.step = $2 ORDER BY p.id DESC LIMIT 1";
    tx.query_opt(sql, &values![instance, step])
        .await?
        .map(|mut row| Ok((row.take(0)?, row.take(1)?)))
        .transpose()
}

/// The instances whose steps led to one, the nearest first, and those steps. None is kept from others.
async fn above(tx: &mut Tx<'_>, instance: InstanceId) -> Result<Vec<(InstanceId, String)>, Error> {
    let sql = "WITH RECURSIVE above (parent_id, parent_run, level) AS (
                 SELECT i.parent_id, i.parent_run, 1 FROM instances i WHERE i.id = $1
                 UNION ALL
                 SELECT i.parent_id, i.parent_run, a.level + 1 FROM instances i JOIN above a ON i.id = a.parent_id)
               SELECT a.parent_id, r.step FROM above a
               JOIN step_runs r ON r.instance_id = a.parent_id AND r.run = a.parent_run ORDER BY a.level";
    read_all(tx.query(sql, &values![instance]).await?, |mut row| {
        Ok((row.take(0)?, row.take(1)?))
    })
}

record! {
    pub struct Asked {
        pub approval_id: ApprovalId,
        pub user_id: UserId,
        pub name: String,
        pub decision: Option<String>,
        pub comment: Option<String>,
        pub at: Option<Timestamp>,
        pub instead_of: Option<String>,
        /// Whether the user is switched on; absent where there is none any more.
        pub active: Option<bool>,
    }
}

/// Those who were asked, by approval; those who answered first, in the order of their answers.
pub async fn people(tx: &mut Tx<'_>, ids: &[ApprovalId]) -> Result<Vec<Asked>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = Select::new(
        "SELECT q.approval_id, q.user_id, q.name, q.decision, q.comment, q.at_us, q.instead_of,
         (SELECT u.active FROM users u WHERE u.id = q.user_id) FROM approval_people q",
    );
    select.and_in("q.approval_id", ids.iter().copied());
    let (sql, values) = select.parts();
    let mut found = tx
        .query(sql, values)
        .await?
        .into_iter()
        .map(Asked::from_row)
        .collect::<Result<Vec<_>, _>>()?;
    found.sort_by(|one, other| {
        let key = |asked: &Asked| (asked.approval_id, asked.at.is_none(), asked.at, asked.user_id);
        key(one).cmp(&key(other))
    });
    Ok(found)
}

pub async fn answer(
    tx: &mut Tx<'_>,
    id: ApprovalId,
    user: UserId,
    (decision, comment): (&str, Option<String>),
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "UPDATE approval_people SET decision = $3, comment = $4, at_us = $5 WHERE approval_id = $1 AND user_id = $2";
    tx.execute(sql, &values![id, user, decision, comment, now])
        .await
        .map(|_| ())
}

/// Somebody else answers from now on.
pub async fn delegate(
    tx: &mut Tx<'_>,
    id: ApprovalId,
    from: (UserId, &str),
    to: (UserId, &str),
) -> Result<(), Error> {
    let sql = "DELETE FROM approval_people WHERE approval_id = $1 AND user_id = $2";
    tx.execute(sql, &values![id, from.0]).await?;
    let sql = "INSERT INTO approval_people (approval_id, user_id, name, instead_of) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, &values![id, to.0, to.1, from.1])
        .await
        .map(|_| ())
}

/// It has ended, and its workflow hears of it.
pub async fn ended(
    tx: &mut Tx<'_>,
    id: ApprovalId,
    state: ApprovalState,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "UPDATE approvals SET state = $2, ended_us = $3 WHERE id = $1";
    tx.execute(sql, &values![id, state, now]).await?;
    outbox::add(tx, outbox::Kind::ApprovalEnded, id.0, now).await
}

/// The next reminder comes a whole time later: those that were missed are not made up for. Whether one was due.
pub async fn reminded(tx: &mut Tx<'_>, id: ApprovalId, now: Timestamp) -> Result<bool, Error> {
    let sql = "UPDATE approvals SET remind_us = $2 + remind_every_us WHERE id = $1 AND state = 'open' AND remind_us <= $2";
    Ok(tx.execute(sql, &values![id, now]).await? == 1)
}

#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub states: Vec<ApprovalState>,
    pub instances: Vec<i64>,
    /// Only those that wait for an answer of this user, who may answer there.
    pub waits_for: Option<(UserId, Reach)>,
    pub search: Option<String>,
}

/// Newest first, without those of deleted workflows.
pub async fn list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    filter: &Filter,
    page: &ListQuery,
) -> Result<Vec<Approval>, Error> {
    let mut select = Select::new(select!());
    select.within(reach, "p").and(
        "p.instance_id NOT IN (SELECT i.id FROM instances i JOIN workflows w ON w.id = i.workflow_id
         WHERE w.deleted_us IS NOT NULL)",
        [],
    );
    if !filter.states.is_empty() {
        select.and_in("p.state", filter.states.iter().copied());
    }
    if !filter.instances.is_empty() {
        select.and_in("p.instance_id", filter.instances.iter().copied());
    }
    if let Some((user, answers)) = &filter.waits_for {
        let condition =
            "p.state = 'open' AND EXISTS (SELECT 1 FROM approval_people q WHERE q.approval_id = p.id
                         AND q.user_id = ? AND q.decision IS NULL)";
        select.within(answers, "p").and(condition, values![*user]);
    }
    if let Some(text) = &filter.search {
        let pattern = contains(text);
        let condition = "lower(p.title) LIKE ? ESCAPE '\\' OR lower(p.workflow) LIKE ? ESCAPE '\\'";
        select.and(condition, values![&pattern, &pattern]);
    }
    let (sql, values) = select.page(page, Key::Id, "p.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Approval::from_row)
        .collect()
}
