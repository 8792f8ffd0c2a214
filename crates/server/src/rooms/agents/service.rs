//! What operators do with agents.

use std::time::Duration;

use postern_api::{
    Page,
    agents::{Agent, AgentCreate, AgentEnrollment, AgentUpdate},
};
use postern_domain::{
    AgentId, DepartmentId, OrganizationId, Timestamp,
    agent::CredentialState,
    job::DEFAULT_SLOTS,
    label,
    name::check_name,
    permission::{Permission, Place},
};
use postern_protocol::{enrollment::EnrollmentToken, limits::ENROLLMENT_TOKEN_SECONDS};
use postern_store::{
    Cursor, SortDirection, Tx, agents, audit, identity, tx,
    uses::{self, Used},
};
use zeroize::Zeroizing;

use super::{
    convert::{agent_of, labels_of},
    install,
};
use crate::{
    app::{App, Site},
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, one_bool, page_of, unknown_filter, words},
        idempotency::{self, Key},
    },
    random,
    rooms::{identity::places, jobs},
    uses::told,
};

const VIEW: Permission = Permission::AgentsView;
const MANAGE: Permission = Permission::AgentsManage;
const INSTALL: Permission = Permission::AgentsInstall;
const FILTERS: &str =
    "name, organization, department, active, health, connection, credential, version, os, label";

pub(super) async fn agent_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<Agent>> {
    let sort = match list.sort_by(&["name", "created_at", "last_seen_at"], SortDirection::Ascending)? {
        "created_at" => agents::SortKey::Created,
        "last_seen_at" => agents::SortKey::LastSeen,
        _ => agents::SortKey::Name,
    };
    let Some(filter) = filter_of(&list)? else {
        return Ok(Page {
            items: Vec::new(),
            next_cursor: None,
        });
    };
    let (now, reach) = (app.now(), caller.reach(VIEW));
    let (page, limit) = (list.page.clone(), list.page.limit);
    let rows = app
        .store
        .scan::<_, Error, _>(tx!(tx => Ok(agents::list(tx, &reach, &filter, (&page, sort), now).await?)))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: sort.of(row),
            id: row.id.0,
        },
        |row| agent_of(row, now),
    )
}

/// `None`: the filters contradict each other, nothing can match.
fn filter_of(list: &List) -> Result<Option<agents::Filter>> {
    use agents::Status::{InProgress, NeverSeen, Running, Silent};
    let mut status = None;
    let mut filter = agents::Filter {
        search: list.search.clone(),
        ..Default::default()
    };
    for (field, values) in &list.filters {
        match field.as_str() {
            "name" => filter.names.clone_from(values),
            "organization" => filter.organizations.clone_from(values),
            "department" => filter.departments.clone_from(values),
            "version" => filter.versions.clone_from(values),
            "os" => filter.os.clone_from(values),
            "active" => filter.active = Some(one_bool(field, values)?),
            "health" => {
                let groups = words(field, values, |word| match word {
                    "in_progress" => Some(vec![InProgress]),
                    "running" => Some(vec![Running]),
                    "heartbeat_failed" => Some(vec![NeverSeen, Silent]),
                    _ => None,
                })?;
                narrow(&mut status, groups.concat());
            }
            "connection" => {
                let groups = words(field, values, |word| match word {
                    "pending" => Some(vec![InProgress, NeverSeen]),
                    "connected" => Some(vec![Running]),
                    "disconnected" => Some(vec![Silent]),
                    _ => None,
                })?;
                narrow(&mut status, groups.concat());
            }
            "credential" => {
                filter.credentials = words(field, values, |word| {
                    serde_json::from_value(serde_json::Value::from(word)).ok()
                })?;
            }
            "label" => {
                for pair in values {
                    let (name, value) =
                        label::parse_pair(pair).map_err(|error| Error::invalid("filter", error))?;
                    filter.labels.insert(name, value);
                }
            }
            _ => return Err(unknown_filter(field, FILTERS)),
        }
    }
    match status {
        Some(status) if status.is_empty() => return Ok(None),
        status => filter.status = status.unwrap_or_default(),
    }
    Ok(Some(filter))
}

/// Health and connection are two views of the same four states; both filters must hold.
fn narrow(status: &mut Option<Vec<agents::Status>>, wanted: Vec<agents::Status>) {
    match status {
        Some(status) => status.retain(|one| wanted.contains(one)),
        None => *status = Some(wanted),
    }
}

pub(super) async fn agent_show(app: &App, caller: &Caller, id: AgentId) -> Result<Agent> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .read(tx!(tx => {
            let agent = find(tx, &caller, id, VIEW).await?;
            agent_of(agent, now)
        }))
        .await
}

pub(super) async fn agent_create(
    app: &App,
    caller: &Caller,
    request: AgentCreate,
    key: Key,
) -> Result<AgentEnrollment> {
    check_name(&request.name).map_err(|error| Error::invalid("name", error))?;
    if request.name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::invalid(
            "name",
            "must not be a number: agents are addressed by name or by id",
        ));
    }
    label::check(&request.labels).map_err(|error| Error::invalid("labels", error))?;
    let (now, author, site, wanted) = (app.now(), caller.clone(), app.site.clone(), request.clone());
    let token = NewToken::draw(&site, now);
    let created = idempotency::create(
        app,
        caller,
        key,
        "agent_create",
        &request,
        tx!(tx => {
            let place = place_of(tx, &author, wanted.organization_id, wanted.department_id).await?;
            author.require(INSTALL, VIEW, place, || Error::Forbidden(INSTALL))?;
            let new = agents::NewAgent {
                place,
                name: wanted.name.clone(),
                labels: wanted.labels,
                slots: DEFAULT_SLOTS,
            };
            let id = agents::create(tx, new, now).await.map_err(|error| taken(error, &wanted.name))?;
            let enrollment = token.give(tx, &site, id, now).await?;
            let mut entry = author.entry(now, "agent_create", format!("agent:{id}"), place.tenant);
            entry.after = Some(json(&enrollment.agent));
            audit::append(tx, vec![entry]).await?;
            Ok(enrollment)
        }),
    )
    .await?;
    Ok(created.0)
}

/// A new enrolment token for an agent that is there: its command was lost, it was revoked, or it is locked.
pub(super) async fn enrollment_token_create(
    app: &App,
    caller: &Caller,
    id: AgentId,
    key: Key,
) -> Result<AgentEnrollment> {
    let (now, author, site) = (app.now(), caller.clone(), app.site.clone());
    let token = NewToken::draw(&site, now);
    let created = idempotency::create(
        app,
        caller,
        key,
        "enrollment_token_create",
        &id,
        tx!(tx => {
            let found = find(tx, &author, id, INSTALL).await?;
            let enrollment = token.give(tx, &site, id, now).await?;
            let entry = author.entry(now, "enrollment_token_create", format!("agent:{id}"), found.tenant_id);
            audit::append(tx, vec![entry]).await?;
            Ok(enrollment)
        }),
    )
    .await?;
    Ok(created.0)
}

pub(super) async fn agent_update(
    app: &App,
    caller: &Caller,
    id: AgentId,
    request: AgentUpdate,
) -> Result<Agent> {
    if let Some(name) = &request.name {
        check_name(name).map_err(|error| Error::invalid("name", error))?;
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::invalid(
                "name",
                "must not be a number: agents are addressed by name or by id",
            ));
        }
    }
    if let Some(labels) = &request.labels {
        label::check(labels).map_err(|error| Error::invalid("labels", error))?;
    }
    let (now, caller) = (app.now(), caller.clone());
    let agent = app
        .store
        .write(tx!(tx => {
            let found = find(tx, &caller, id, MANAGE).await?;
            let before = agent_of(found.clone(), now)?;
            let properties = properties(tx, &caller, &found, request).await?;
            agents::update(tx, id, &properties).await.map_err(|error| taken(error, &properties.name))?;
            let after = load(tx, id, now).await?;
            let mut entry = caller.entry(now, "agent_update", format!("agent:{id}"), found.tenant_id);
            entry.before = Some(json(&before));
            entry.after = Some(json(&after));
            audit::append(tx, vec![entry]).await?;
            Ok::<_, Error>(after)
        }))
        .await?;
    app.gate.forget(id);
    app.hub.wake([id]);
    Ok(agent)
}

/// The properties after the update. Moving an agent needs the right at both places.
async fn properties(
    tx: &mut Tx<'_>,
    caller: &Caller,
    found: &agents::Agent,
    request: AgentUpdate,
) -> Result<agents::Properties> {
    let organization = request.organization_id.unwrap_or(found.organization_id);
    let department = match request.department_id {
        Some(DepartmentId(0)) => None,
        Some(id) => Some(id),
        None if organization == found.organization_id => found.department_id,
        None => None,
    };
    if organization != found.organization_id || department != found.department_id {
        let place = place_of(tx, caller, Some(organization), department).await?;
        if place.tenant != found.tenant_id {
            return Err(Error::invalid("organization_id", "is of another tenant"));
        }
        caller.require(MANAGE, VIEW, place, || {
            Error::not_found("organization", organization)
        })?;
    }
    Ok(agents::Properties {
        name: request.name.unwrap_or_else(|| found.name.clone()),
        organization,
        department,
        labels: match request.labels {
            Some(labels) => labels,
            None => labels_of(found)?,
        },
        active: request.active.unwrap_or(found.active),
    })
}

pub(super) async fn agent_revoke(app: &App, caller: &Caller, id: AgentId) -> Result<Agent> {
    let (now, caller) = (app.now(), caller.clone());
    let agent = app
        .store
        .write(tx!(tx => {
            let found = find(tx, &caller, id, MANAGE).await?;
            let state = found.credential().state(now);
            if !matches!(state, CredentialState::Live | CredentialState::Locked) && found.enrollment_expires.is_none() {
                return Err(Error::conflict(
                    "nothing_to_revoke",
                    "The agent has no live credential and no enrolment token that waits to be used.",
                ));
            }
            agents::credential_revoke(tx, id, now).await?;
            let after = load(tx, id, now).await?;
            audit::append(tx, vec![caller.entry(now, "agent_revoke", format!("agent:{id}"), found.tenant_id)]).await?;
            Ok::<_, Error>(after)
        }))
        .await?;
    app.gate.forget(id);
    app.hub.wake([id]);
    Ok(agent)
}

/// What should happen to a live credential when its agent is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnLive {
    Refuse,
    Revoke,
}

/// Its jobs go with it: at once for whoever looks, from the database a few at a time.
pub(super) async fn agent_delete(app: &App, caller: &Caller, id: AgentId, on_live: OnLive) -> Result<()> {
    let (now, caller) = (app.now(), caller.clone());
    let ended = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            let found = agents::find_to_delete(tx, id).await?;
            let found = allowed(&caller, found, id, MANAGE)?;
            if !found.credential().deletable(now) && on_live == OnLive::Refuse {
                return Err(Error::conflict(
                    "credential_live",
                    "The agent's credential is live. Revoke it first, or have it revoked with the deletion.",
                ));
            }
            let users = uses::of(tx, Used::Agent, id.0).await?;
            if !users.is_empty() {
                return Err(Error::conflict(
                    "agent_in_use",
                    format!(
                        "Agent {:?} is named by: {}. Change or delete those first.",
                        found.name,
                        told(&caller, &users)
                    ),
                ));
            }
            let tenant = found.tenant_id;
            let before = agent_of(found, now)?;
            let ended = jobs::service::agent_deleted(tx, &caller, id, now).await?;
            agents::delete(tx, id, now).await?;
            let mut entry = caller.entry(now, "agent_delete", format!("agent:{id}"), tenant);
            entry.before = Some(json(&before));
            entry.after = Some(serde_json::json!({"jobs_ended": ended.count()}).to_string());
            entry.reason = (on_live == OnLive::Revoke).then(|| "revoke and delete".to_owned());
            audit::append(tx, vec![entry]).await?;
            Ok(ended)
        }))
        .await?;
    ended.wake(app);
    app.gate.forget(id);
    app.hub.wake([id]);
    Ok(())
}

/// The agent, if the caller may do this to it.
async fn find(tx: &mut Tx<'_>, caller: &Caller, id: AgentId, needed: Permission) -> Result<agents::Agent> {
    let found = agents::find(tx, id).await?;
    allowed(caller, found, id, needed)
}

fn allowed(
    caller: &Caller,
    found: Option<agents::Agent>,
    id: AgentId,
    needed: Permission,
) -> Result<agents::Agent> {
    let missing = || Error::not_found("agent", id);
    let agent = found.ok_or_else(missing)?;
    caller.require(needed, VIEW, agent.place(), missing)?;
    Ok(agent)
}

async fn load(tx: &mut Tx<'_>, id: AgentId, now: Timestamp) -> Result<Agent> {
    let agent = agents::find(tx, id)
        .await?
        .ok_or_else(|| Error::not_found("agent", id))?;
    agent_of(agent, now)
}

/// Where a new agent goes: the named organization and department, else the first of the caller's tenant.
async fn place_of(
    tx: &mut Tx<'_>,
    caller: &Caller,
    organization: Option<OrganizationId>,
    department: Option<DepartmentId>,
) -> Result<Place> {
    let place = match places::place_of(tx, organization, department).await? {
        Some(place) => place,
        None => {
            let first = identity::organization_first(tx, caller.tenant()?).await?;
            let first = first.ok_or_else(places::no_organization)?;
            Place::organization(first.tenant_id, first.id)
        }
    };
    if !caller.rights.allow(VIEW, place) && !caller.rights.allow(INSTALL, place) {
        return Err(places::no_organization());
    }
    Ok(place)
}

/// A token that is drawn before the transaction and written inside it.
struct NewToken {
    secret: Zeroizing<[u8; 24]>,
    ca_sha256: [u8; 32],
    expires: Timestamp,
}

impl NewToken {
    fn draw(site: &Site, now: Timestamp) -> Self {
        let lifetime = Duration::from_secs(ENROLLMENT_TOKEN_SECONDS.unsigned_abs());
        Self {
            secret: Zeroizing::new(random::bytes()),
            ca_sha256: site.ca_sha256,
            expires: now.plus(lifetime),
        }
    }

    async fn give(
        self,
        tx: &mut Tx<'_>,
        site: &Site,
        id: AgentId,
        now: Timestamp,
    ) -> Result<AgentEnrollment> {
        let hash = super::enroll::secret_hash(&*self.secret);
        let token_id = agents::enrollment_token_create(tx, id, &hash, now, self.expires).await?;
        let token = EnrollmentToken {
            ca_sha256: self.ca_sha256,
            id: token_id,
            secret: self.secret,
        };
        let agent = load(tx, id, now).await?;
        Ok(install::enrollment(site, agent, &token, self.expires))
    }
}

fn taken(error: postern_store::Error, name: &str) -> Error {
    match error {
        postern_store::Error::Duplicate(_) => Error::conflict(
            "name_taken",
            format!(
                "There is an agent {name:?} already. Choose another name, or make a new enrolment token for it."
            ),
        ),
        other => other.into(),
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
