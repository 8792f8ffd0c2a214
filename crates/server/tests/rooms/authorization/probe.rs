//! How each operation is tried: what object it is about, and a body that gets past the parser.

use postern_domain::permission::Permission;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::Ids;

/// What an operation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    /// Nothing in particular: lists, and what is the caller's own.
    None,
    /// Made in the caller's tenant.
    OwnTenant,
    Agent,
    /// The organization a new agent is put into, named in the body.
    Home,
    Job,
    /// The agent a new job is for, named in the body.
    Target,
    User,
    Token,
    Organization,
}

pub(super) struct Probe {
    pub(super) name: String,
    pub(super) method: Method,
    /// With placeholders.
    pub(super) path: String,
    pub(super) permission: String,
    pub(super) object: Object,
    /// Whoever has this at the object's place knows that it is there.
    pub(super) seen_by: Permission,
    body: fn(&Ids) -> Value,
}

impl Probe {
    pub(super) fn changes(&self) -> bool {
        self.method != Method::GET
    }

    pub(super) fn body(&self, ids: &Ids) -> Option<Value> {
        let body = (self.body)(ids);
        (!body.is_null()).then_some(body)
    }

    pub(super) fn path_for(&self, ids: &Ids) -> String {
        let id = match self.object {
            Object::Agent => ids.agent,
            Object::Job => ids.job,
            Object::User => ids.user,
            Object::Token => ids.token,
            Object::Organization => ids.organization,
            Object::None | Object::OwnTenant | Object::Home | Object::Target => 0,
        };
        let path = self
            .path
            .replace("{id}", &id.to_string())
            .replace("{binding_id}", &ids.binding.to_string())
            .replace("{stream}", "stdout");
        assert!(!path.contains('{'), "{path} has a parameter that no probe fills");
        path
    }
}

pub(super) fn probe_of(method: &str, path: &str, operation: &Value) -> Probe {
    use Object::{Agent, Home, Job, None, Organization, OwnTenant, Target, Token, User};
    let name = operation["operationId"].as_str().expect("a name").to_owned();
    let nothing: fn(&Ids) -> Value = |_| Value::Null;
    let empty: fn(&Ids) -> Value = |_| json!({});
    let (object, body): (Object, fn(&Ids) -> Value) = match &*name {
        "session_create" => (None, empty),
        "session_show" | "session_delete" | "role_list" | "token_list" | "organization_list" => {
            (None, nothing)
        }
        "user_list" | "agent_list" | "job_list" | "audit_list" | "audit_verify" => (None, nothing),
        "password_change" => (None, |_| json!({"current_password": "", "new_password": "short"})),
        "token_create" => (None, |_| json!({"name": ""})),
        // Refused for the password or the name, which is looked at after who asks.
        "user_create" => (OwnTenant, |_| json!({"username": "someone", "password": "short"})),
        "organization_create" => (OwnTenant, |_| json!({"name": "no good name"})),
        "user_show" | "user_delete" | "binding_delete" => (User, nothing),
        "user_update" => (User, empty),
        "binding_create" => (
            User,
            |ids| json!({"role": "auditor", "scope": {"kind": "organization", "id": ids.organization}}),
        ),
        "token_delete" => (Token, nothing),
        "organization_update" => (Organization, empty),
        "department_create" => (Organization, |ids| json!({"name": ids.fresh_name})),
        "agent_create" => (
            Home,
            |ids| json!({"name": ids.fresh_name, "organization_id": ids.organization, "department_id": ids.department}),
        ),
        "agent_show" | "agent_delete" | "agent_revoke" | "enrollment_token_create" => (Agent, nothing),
        "agent_update" => (Agent, empty),
        "job_create" => (
            Target,
            |ids| json!({"type": "command", "payload": {"argv": ["true"]}, "targets": {"agents": [ids.agent.to_string()]}}),
        ),
        "job_show" | "job_delete" | "job_cancel" | "job_retry" => (Job, nothing),
        "job_output" | "job_output_download" | "job_events" => (Job, nothing),
        _ => panic!("{method} {path} ({name}) is a new operation: say here how it is tried"),
    };
    let seen_by = match object {
        Agent | Home => Permission::AgentsView,
        Job | Target => Permission::JobsView,
        _ => Permission::UsersManage,
    };
    Probe {
        method: method.to_uppercase().parse().expect("a method"),
        path: path.to_owned(),
        permission: operation["x-permission"]
            .as_str()
            .expect("a permission")
            .to_owned(),
        name,
        object,
        seen_by,
        body,
    }
}
