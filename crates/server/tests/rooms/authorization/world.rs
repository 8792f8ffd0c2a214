//! Two tenants, the first with two organizations, an object of each kind at each place, and everyone who calls.

use std::collections::BTreeMap;

use postern_domain::{
    AgentId, DepartmentId, OrganizationId, TenantId, UserId,
    notify::{Channel, Topic},
    permission::{Permission, Place, Role, Scope},
};
use postern_server::clock::Clock as _;
use postern_store::{
    agents::{self, groups},
    approvals, identity, jobs, notify,
    schedules::{self, calendars},
    scripts::{self, actions},
    tx,
    workflows::{self, instances},
};
use postern_testkit::{Answer, Tenant, TestServer, argv, key, on};

use super::probe::{Object, Probe};

/// Where the object lies, seen from the callers' own organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    Own,
    OtherOrganization,
    OtherTenant,
    Nowhere,
}

impl Spot {
    pub(super) const ALL: [Self; 4] = [
        Self::Own,
        Self::OtherOrganization,
        Self::OtherTenant,
        Self::Nowhere,
    ];
}

/// One object of each kind.
#[derive(Debug, Clone)]
pub(super) struct Ids {
    pub(super) organization: i64,
    pub(super) department: Option<i64>,
    pub(super) agent: i64,
    pub(super) job: i64,
    pub(super) execution: i64,
    pub(super) group: i64,
    pub(super) script: i64,
    pub(super) action: i64,
    pub(super) schedule: i64,
    pub(super) calendar: i64,
    pub(super) workflow: i64,
    pub(super) instance: i64,
    pub(super) approval: i64,
    pub(super) webhook: i64,
    pub(super) delivery: i64,
    pub(super) user: i64,
    pub(super) binding: i64,
    pub(super) token: i64,
    pub(super) fresh_name: String,
}

#[derive(Debug)]
pub(super) struct Caller {
    pub(super) name: String,
    /// Absent: anonymous.
    pub(super) id: Option<UserId>,
    token: String,
    grants: Vec<(Role, Scope)>,
    only: Option<Permission>,
}

impl Caller {
    fn scopes(&self, permission: Permission) -> impl Iterator<Item = Scope> + '_ {
        let open = self.only.is_none_or(|only| only == permission);
        let gives = move |(role, _): &&(Role, Scope)| open && role.permissions().contains(&permission);
        self.grants.iter().filter(gives).map(|(_, scope)| *scope)
    }

    pub(super) fn may(&self, permission: Permission, place: Place) -> bool {
        self.scopes(permission).any(|scope| scope.contains(place))
    }

    pub(super) fn may_somewhere(&self, permission: Permission) -> bool {
        self.scopes(permission).next().is_some()
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.id.map(|_| &*self.token)
    }
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) own: Tenant,
    other_organization: OrganizationId,
    other: Tenant,
    /// Of the places that are somewhere, in the order of `Spot`.
    standing: Vec<Ids>,
}

const NOBODY_HAS: i64 = 987_654;
/// What the users that are acted upon hold in their organization.
const USERS_ROLE: Role = Role::Approver;

impl World {
    pub(super) async fn make(server: &TestServer) -> Self {
        let own = server.default_tenant().await;
        let other_organization = server.organization(own.id, "second").await;
        let other = server.tenant("elsewhere").await;
        let mut world = Self {
            own,
            other_organization,
            other,
            standing: Vec::new(),
        };
        for spot in [Spot::Own, Spot::OtherOrganization, Spot::OtherTenant] {
            let ids = world.fresh(server, spot).await;
            world.standing.push(ids);
        }
        world
    }

    /// Everyone who calls, all of the first tenant.
    pub(super) async fn callers(&self, server: &TestServer) -> Vec<Caller> {
        let scopes = [
            Scope::Cluster,
            Scope::Tenant(self.own.id),
            Scope::Organization(self.own.organization),
            Scope::Department(self.own.department),
        ];
        let mut callers = Vec::new();
        for role in Role::ALL.iter().copied() {
            for scope in scopes.into_iter().filter(|scope| role.bindable_at(*scope)) {
                callers.push((format!("{role} at {scope:?}"), vec![(role, scope)], None));
            }
        }
        for permission in Permission::ALL.iter().copied() {
            let grants = vec![(Role::SiteAdministrator, Scope::Cluster)];
            callers.push((format!("token with {permission}"), grants, Some(permission)));
        }
        callers.push(("nobody".into(), Vec::new(), None));
        let other_tenant = vec![(Role::Administrator, Scope::Tenant(self.other.id))];
        callers.push(("administrator of the other tenant".into(), other_tenant, None));
        let mut made = Vec::new();
        for (name, grants, only) in callers {
            let person = server.person(self.own.id, &grants).await;
            let token = match only {
                Some(permission) => server.token(person.id, Some(&[permission])).await,
                None => person.token,
            };
            made.push(Caller {
                name,
                id: Some(person.id),
                token,
                grants,
                only,
            });
        }
        made.push(Caller {
            name: "anonymous".into(),
            id: None,
            token: String::new(),
            grants: Vec::new(),
            only: None,
        });
        made
    }

    fn home(&self, spot: Spot) -> Option<(TenantId, OrganizationId, Option<DepartmentId>)> {
        match spot {
            Spot::Own => Some((self.own.id, self.own.organization, Some(self.own.department))),
            Spot::OtherOrganization => Some((self.own.id, self.other_organization, None)),
            Spot::OtherTenant => Some((
                self.other.id,
                self.other.organization,
                Some(self.other.department),
            )),
            Spot::Nowhere => None,
        }
    }

    pub(super) fn standing(&self, spot: Spot) -> Option<&Ids> {
        match spot {
            Spot::Own => self.standing.first(),
            Spot::OtherOrganization => self.standing.get(1),
            Spot::OtherTenant => self.standing.get(2),
            Spot::Nowhere => None,
        }
    }

    /// Where an object of this kind lies: users and tokens belong to a tenant as a whole.
    pub(super) fn place_of(&self, spot: Spot, object: Object) -> Option<Place> {
        let (tenant, organization, department) = self.home(spot)?;
        Some(match object {
            Object::User | Object::Token | Object::Webhook => Place::tenant(tenant),
            Object::Organization => Place::organization(tenant, organization),
            _ => Place {
                tenant,
                organization: Some(organization),
                department,
            },
        })
    }

    /// Whether the caller holds all that the user at this place holds, where they hold it.
    pub(super) fn covers_the_user(&self, caller: &Caller, spot: Spot) -> bool {
        let Some((tenant, organization, _)) = self.home(spot) else {
            return true;
        };
        let place = Place::organization(tenant, organization);
        USERS_ROLE
            .permissions()
            .iter()
            .all(|permission| caller.may(*permission, place))
    }

    /// New objects at a place, for those who may change them.
    pub(super) async fn fresh(&self, server: &TestServer, spot: Spot) -> Ids {
        let (tenant, organization, department) = self.home(spot).expect("a place");
        let fresh_name = format!("n-{}", key());
        let (now, name) = (server.clock.now(), fresh_name.clone());
        let place = Place {
            tenant,
            organization: Some(organization),
            department,
        };
        let (agent, user, binding, token, (group, script, action, schedule, calendar)) = server
            .write(tx!(tx => {
                let new = agents::NewAgent { place, name: format!("{name}-a"), labels: BTreeMap::new(), slots: 4 };
                let agent = agents::create(tx, new, now).await?;
                let user = identity::NewUser {
                    tenant,
                    username: format!("{name}-u"),
                    display_name: String::new(),
                    email: None,
                    password_hash: "none".into(),
                };
                let user = identity::user_create(tx, user, now).await?;
                let scope = Scope::Organization(organization);
                let binding = identity::binding_create(tx, user, USERS_ROLE, scope).await?;
                let token = identity::NewToken { user, name: "t".into(), hash: name.clone(), permissions: None, expires: now };
                let token = identity::token_create(tx, token, now).await?;
                let text = groups::GroupText {
                    name: format!("{name}-g"),
                    description: String::new(),
                    targets: r#"{"selector":"env=prod"}"#.into(),
                    blackout: None,
                };
                let group = groups::create(tx, place, &text, "user:1", now).await?;
                let new = scripts::NewScript {
                    place,
                    kind: "script",
                    name: format!("{name}-s"),
                    description: String::new(),
                    language: "bash",
                };
                let version = scripts::NewVersion {
                    content: "true".into(),
                    definition: "{}".into(),
                    digest: "d".into(),
                    message: String::new(),
                    libraries: Vec::new(),
                };
                let script = scripts::create(tx, &new, &version, "user:1", now).await?;
                let definition = serde_json::json!({
                    "targets": {"agents": [agent.to_string()]},
                    "work": {"kind": "job", "job": {"type": "command", "payload": {"argv": ["true"]}}},
                });
                let saved = actions::Saved {
                    name: format!("{name}-o"),
                    description: String::new(),
                    draft: definition.to_string(),
                    digest: "d".into(),
                    secret: None,
                };
                let draft = saved.draft.clone();
                let action = actions::create(tx, place, saved, "user:1", now).await?;
                let made = actions::find(tx, action).await?.ok_or(postern_store::Error::NotFound)?;
                let version = actions::NewVersion { definition: draft, message: String::new(), deployer: UserId(1) };
                actions::deploy(tx, &made, version, "user:1", now).await?;
                let saved = calendars::Saved {
                    name: format!("{name}-c"),
                    description: String::new(),
                    zone: "UTC".into(),
                    entries: r#"[{"kind":"dates","from":"2026-12-24","to":"2026-12-26"}]"#.into(),
                    blackout: None,
                };
                let calendar = calendars::create(tx, place, &saved, "user:1", now).await?;
                let definition = serde_json::json!({
                    "cron": "0 0 1 1 *", "targets": {"agents": [agent.to_string()]},
                    "work": {"kind": "job", "job": {"type": "command", "payload": {"argv": ["true"]}}},
                });
                let saved = schedules::Saved {
                    name: format!("{name}-t"),
                    description: String::new(),
                    definition: definition.to_string(),
                    secret: None,
                    calendar: None,
                    owner: UserId(1),
                    token: None,
                    paused: true,
                    next: None,
                    waiting: None,
                };
                let schedule = schedules::create(tx, place, saved, "user:1", now).await?;
                Ok((agent, user, binding, token, (group, script, action, schedule, calendar)))
            }))
            .await;
        let (job, execution) = self.job(server, agent).await;
        let (workflow, instance, approval) = Self::workflow(server, place, &fresh_name).await;
        let (webhook, delivery) = Self::message(server, place, &fresh_name).await;
        Ids {
            workflow,
            instance,
            approval,
            webhook,
            delivery,
            organization: organization.0,
            department: department.map(|id| id.0),
            agent: agent.0,
            job,
            execution,
            group: group.0,
            script: script.0,
            action: action.0,
            schedule: schedule.0,
            calendar: calendar.0,
            user: user.0,
            binding: binding.0,
            token: token.0,
            fresh_name,
        }
    }

    /// A published workflow, an instance of it, and a question of that.
    async fn workflow(server: &TestServer, place: Place, name: &str) -> (i64, i64, i64) {
        let (now, name) = (server.clock.now(), format!("{name}-w"));
        let definition = r#"{"steps":[{"id":"wait","type":"delay","hours":1}]}"#.to_owned();
        server
            .write(tx!(tx => {
                let saved = workflows::Saved {
                    name: name.clone(),
                    description: String::new(),
                    draft: definition.clone(),
                    digest: "a delay".into(),
                    source: None,
                };
                let id = workflows::create(tx, place, saved, "user:1", now).await?;
                let made = workflows::find(tx, id).await?.ok_or(postern_store::Error::NotFound)?;
                workflows::publish(tx, &made, "{}", "", "user:1", now).await?;
                let new = instances::NewInstance {
                    place,
                    workflow_id: id,
                    version: 1,
                    workflow: name.clone(),
                    machine: r#"{"state":"pending","begun":0,"runs":[]}"#.into(),
                    definition,
                    digest: "a delay".into(),
                    inputs: "{}".into(),
                    hosts: None,
                    secret: None,
                    starter: UserId(1),
                    token: None,
                    started_by: "user:1".into(),
                    parent: None,
                    depth: 1,
                    retry_of: None,
                    schedule: None,
                    triggered_by: None,
                };
                let instance = instances::create(tx, new, now).await?;
                let new = approvals::NewApproval {
                    place,
                    instance,
                    run: 1,
                    workflow: name,
                    starter: UserId(1),
                    kind: "singular".into(),
                    title: "Go on?".into(),
                    description: None,
                    work: Vec::new(),
                    digest: "d".into(),
                    deadline: now.plus(std::time::Duration::from_secs(365 * 24 * 3600)),
                    remind_every: None,
                    people: vec![(UserId(NOBODY_HAS), "nobody".into())],
                };
                let approval = approvals::open(tx, new, now).await?;
                Ok((id.0, instance.0, approval.0))
            }))
            .await
    }

    /// A webhook, and a message to it that was given up.
    async fn message(server: &TestServer, place: Place, name: &str) -> (i64, i64) {
        let (now, name) = (server.clock.now(), format!("{name}-h"));
        server
            .write(tx!(tx => {
                let saved = notify::SavedWebhook {
                    name: name.clone(),
                    url: "https://hooks.invalid/".into(),
                    topics: "[]".into(),
                    active: false,
                    secret: jobs::Secret { place: "secrets x".into(), sealed: Vec::new() },
                };
                let webhook = notify::webhook_create(tx, place.tenant, saved, "user:1", now).await?;
                let new = notify::NewDelivery {
                    place,
                    channel: Channel::Webhook,
                    webhook: Some(webhook),
                    recipient: name,
                    topic: Topic::StepNotify,
                    title: "T".into(),
                    message: r#"{"type":"step_notify","timestamp":"2026-01-01T00:00:00Z","data":{"title":"T","url":""}}"#.into(),
                    instance: None,
                };
                let delivery = notify::delivery_create(tx, new, now).await?;
                Ok((webhook.0, delivery.0))
            }))
            .await
    }

    /// With its execution.
    async fn job(&self, server: &TestServer, agent: AgentId) -> (i64, i64) {
        let request = on(&[&agent.to_string()], argv(&["true"]));
        let made = server.admin().job_create(&request, &key()).await.expect("a job");
        (made.jobs[0].id.0, made.execution_id.0)
    }

    fn nowhere() -> Ids {
        Ids {
            organization: NOBODY_HAS,
            department: None,
            agent: NOBODY_HAS,
            job: NOBODY_HAS,
            execution: NOBODY_HAS,
            group: NOBODY_HAS,
            script: NOBODY_HAS,
            action: NOBODY_HAS,
            schedule: NOBODY_HAS,
            calendar: NOBODY_HAS,
            workflow: NOBODY_HAS,
            instance: NOBODY_HAS,
            approval: NOBODY_HAS,
            webhook: NOBODY_HAS,
            delivery: NOBODY_HAS,
            user: NOBODY_HAS,
            binding: NOBODY_HAS,
            token: NOBODY_HAS,
            fresh_name: format!("n-{}", key()),
        }
    }

    /// Status and, of a problem, its code. What may be changed is made for it, so that the next finds its own.
    pub(super) async fn try_it(
        &self,
        server: &TestServer,
        caller: &Caller,
        probe: &Probe,
        spot: Spot,
        allowed: bool,
    ) -> (u16, String) {
        let ids = match self.standing(spot) {
            None => Self::nowhere(),
            Some(_)
                if allowed
                    && probe.changes()
                    && !matches!(probe.object, Object::None | Object::OwnTenant) =>
            {
                self.fresh(server, spot).await
            }
            Some(ids) => Ids {
                fresh_name: format!("n-{}", key()),
                ..ids.clone()
            },
        };
        let mut request = server.wire().request(probe.method.clone(), &probe.path_for(&ids));
        if let Some(token) = caller.token() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = probe.body(&ids) {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        if ["job_events", "instance_watch"].contains(&&*probe.name) {
            // A stream without an end: its head tells enough.
            let response = request.send().await.expect("an answer");
            let status = response.status().as_u16();
            if status == 200 {
                return (status, String::new());
            }
            let problem: postern_api::Problem =
                serde_json::from_slice(&response.bytes().await.expect("a body")).expect("a problem");
            return (status, problem.code);
        }
        let answer = Answer::of(request).await;
        let code = if answer.status >= 400 {
            answer.code()
        } else {
            String::new()
        };
        (answer.status, code)
    }
}
