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
    /// The job's execution.
    Execution,
    Group,
    Script,
    Action,
    Schedule,
    Calendar,
    Workflow,
    Instance,
    Approval,
    Webhook,
    Delivery,
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
        let looks = self.name.ends_with("_preview") || self.name.ends_with("_check");
        self.method != Method::GET && !looks
    }

    pub(super) fn body(&self, ids: &Ids) -> Option<Value> {
        let body = (self.body)(ids);
        (!body.is_null()).then_some(body)
    }

    pub(super) fn path_for(&self, ids: &Ids) -> String {
        let id = match self.object {
            Object::Agent => ids.agent,
            Object::Job => ids.job,
            Object::Execution => ids.execution,
            Object::Group => ids.group,
            Object::Script => ids.script,
            Object::Action => ids.action,
            Object::Schedule => ids.schedule,
            Object::Calendar => ids.calendar,
            Object::Workflow => ids.workflow,
            Object::Instance => ids.instance,
            Object::Approval => ids.approval,
            Object::Webhook => ids.webhook,
            Object::Delivery => ids.delivery,
            Object::User => ids.user,
            Object::Token => ids.token,
            Object::Organization => ids.organization,
            Object::None | Object::OwnTenant | Object::Home | Object::Target => 0,
        };
        let path = self
            .path
            .replace("{id}", &id.to_string())
            .replace("{binding_id}", &ids.binding.to_string())
            .replace("{stream}", "stdout")
            .replace("{version}", "1")
            .replace("{format}", "json");
        assert!(!path.contains('{'), "{path} has a parameter that no probe fills");
        path
    }
}

pub(super) fn probe_of(method: &str, path: &str, operation: &Value) -> Probe {
    use Object::{
        Action, Agent, Approval, Calendar, Delivery, Execution, Group, Home, Instance, Job, None,
        Organization, OwnTenant, Schedule, Script, Target, Token, User, Webhook, Workflow,
    };
    let name = operation["operationId"].as_str().expect("a name").to_owned();
    let nothing: fn(&Ids) -> Value = |_| Value::Null;
    let empty: fn(&Ids) -> Value = |_| json!({});
    let (object, body): (Object, fn(&Ids) -> Value) = match &*name {
        "session_create" => (None, empty),
        "session_show" | "session_delete" | "role_list" | "token_list" | "organization_list" => {
            (None, nothing)
        }
        "user_list" | "agent_list" | "job_list" | "audit_list" | "audit_verify" => (None, nothing),
        "execution_list" | "group_list" | "script_list" | "schedule_list" | "calendar_list" => {
            (None, nothing)
        }
        "cron_preview" => (None, |_| json!({"cron": "0 0 * * *"})),
        "calendar_create" => (Home, |ids| {
            json!({"name": ids.fresh_name, "entries": [{"kind": "dates", "from": "2026-12-24", "to": "2026-12-26"}],
                "organization_id": ids.organization, "department_id": ids.department})
        }),
        "calendar_show" | "calendar_delete" => (Calendar, nothing),
        "calendar_update" => (Calendar, empty),
        "schedule_create" => (Home, |ids| {
            json!({"name": ids.fresh_name, "organization_id": ids.organization, "department_id": ids.department,
                "definition": {"cron": "0 0 * * *", "targets": {"agents": [ids.agent.to_string()]},
                    "work": {"kind": "job", "job": {"type": "command", "payload": {"argv": ["true"]}}}}})
        }),
        "schedule_show" | "schedule_delete" | "schedule_run" | "schedule_tick_list" => (Schedule, nothing),
        "schedule_update" => (Schedule, empty),
        "script_check" => (None, |_| json!({"language": "bash", "content": "true"})),
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
        "job_preview" => (
            Target,
            |ids| json!({"type": "command", "payload": {"argv": ["true"]}, "targets": {"agents": [ids.agent.to_string()]}}),
        ),
        "target_preview" => (Target, |ids| json!({"agents": [ids.agent.to_string()]})),
        "execution_show" | "execution_cancel" | "execution_retry" | "execution_download" => {
            (Execution, nothing)
        }
        "execution_rerun" => (Execution, |_| json!({"hosts": "all"})),
        "group_create" => (Home, |ids| {
            json!({"name": ids.fresh_name, "targets": {"selector": "env=prod"},
                "organization_id": ids.organization, "department_id": ids.department})
        }),
        "group_show" | "group_delete" => (Group, nothing),
        "group_update" => (Group, empty),
        "script_create" => (Home, |ids| {
            json!({"name": ids.fresh_name, "language": "bash", "definition": {"content": "true"},
                "organization_id": ids.organization, "department_id": ids.department})
        }),
        "script_show" | "script_delete" | "script_version_list" | "script_version_show" => (Script, nothing),
        "script_update" => (Script, empty),
        "script_clone" => (Script, |ids| json!({"name": format!("{}-copy", ids.fresh_name)})),
        "script_restore" => (Script, |_| json!({"version": 1})),
        "script_run" | "script_preview" => (
            Script,
            |ids| json!({"targets": {"agents": [ids.agent.to_string()]}}),
        ),
        "action_list" => (None, nothing),
        "action_create" => (Home, |ids| {
            json!({"name": ids.fresh_name, "organization_id": ids.organization, "department_id": ids.department,
                "definition": {"targets": {"agents": [ids.agent.to_string()]},
                    "work": {"kind": "job", "job": {"type": "command", "payload": {"argv": ["true"]}}}}})
        }),
        "action_show" | "action_delete" | "action_version_list" | "action_version_show" => (Action, nothing),
        "action_update" | "action_deploy" => (Action, empty),
        "action_run" | "action_preview" => (Action, |_| json!({"draft": true})),
        "action_clone" => (Action, |ids| json!({"name": format!("{}-copy", ids.fresh_name)})),
        "action_restore" => (Action, |_| json!({"version": 1})),
        "workflow_list" | "workflow_schema" | "workflow_template_list" => (None, nothing),
        "instance_list" | "approval_list" => (None, nothing),
        "workflow_check" => (None, |_| json!({"definition": {}})),
        "workflow_create" => (Home, |ids| {
            json!({"name": ids.fresh_name, "organization_id": ids.organization, "department_id": ids.department,
                "definition": {"steps": [{"id": "wait", "type": "delay", "hours": 1}]}})
        }),
        "workflow_show" | "workflow_delete" | "workflow_version_list" | "workflow_version_show" => {
            (Workflow, nothing)
        }
        "workflow_update" | "workflow_publish" | "instance_create" => (Workflow, empty),
        "workflow_clone" => (
            Workflow,
            |ids| json!({"name": format!("{}-copy", ids.fresh_name)}),
        ),
        "workflow_restore" => (Workflow, |_| json!({"version": 1})),
        "instance_show" | "instance_event_list" | "instance_watch" => (Instance, nothing),
        "instance_cancel" | "instance_retry" | "instance_rerun" => (Instance, empty),
        "approval_show" => (Approval, nothing),
        "approval_answer" => (Approval, |_| json!({"decision": "approve"})),
        "approval_delegate" => (Approval, |_| json!({"from": 1, "to": 1})),
        "webhook_list" | "delivery_list" | "mail_show" => (None, nothing),
        // Refused for the name or the address, which is looked at after who asks.
        "webhook_create" => (OwnTenant, |_| json!({"name": "", "url": ""})),
        "mail_test" => (OwnTenant, |_| json!({"to": "ada@example.org"})),
        "webhook_show" | "webhook_delete" | "webhook_test" => (Webhook, nothing),
        "webhook_update" => (Webhook, empty),
        "delivery_show" | "delivery_retry" => (Delivery, nothing),
        "job_show" | "job_delete" | "job_cancel" | "job_retry" => (Job, nothing),
        "job_output" | "job_output_download" | "job_events" => (Job, nothing),
        _ => panic!("{method} {path} ({name}) is a new operation: say here how it is tried"),
    };
    let seen_by = match object {
        Script => Permission::ScriptsView,
        Home if name == "script_create" => Permission::ScriptsView,
        Home if ["calendar_create", "schedule_create", "action_create"].contains(&&*name) => {
            Permission::JobsView
        }
        Home if name == "workflow_create" => Permission::WorkflowsView,
        Workflow | Instance | Approval | Webhook | Delivery => Permission::WorkflowsView,
        Schedule | Calendar | Action => Permission::JobsView,
        Agent | Home | Group => Permission::AgentsView,
        Job | Target | Execution => Permission::JobsView,
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
