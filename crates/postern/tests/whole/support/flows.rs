//! Workflows, their instances, and people who answer.

use std::fs;

use postern_api::{
    ListRequest,
    identity::{SessionCreate, UserCreate},
    workflows::{InstanceCreate, InstanceDetail, WorkflowPublish},
};
use postern_client::{Client, Credentials, IdempotencyKey, Trust};
use postern_domain::{ApprovalId, InstanceId, WorkflowId};
use serde_json::{Value, json};

use super::{Door, request, wait_for};

const PASSWORD: &str = "a password for everybody";

impl Door {
    /// A new workflow, published as it is.
    pub(crate) fn publish(&self, name: &str, definition: &Value) -> WorkflowId {
        let create = request(json!({"name": name, "definition": definition}));
        let (key, other) = (IdempotencyKey::random(), IdempotencyKey::random());
        let (create, key, other) = (&create, &key, &other);
        let made = self.ask("workflow_create", |client| async move {
            client.workflow_create(create, key).await
        });
        let id = made.workflow.id;
        let nothing = &WorkflowPublish::default();
        self.ask("workflow_publish", |client| async move {
            client.workflow_publish(id, nothing, other).await
        });
        id
    }

    pub(crate) fn start(&self, workflow: WorkflowId, start: &InstanceCreate) -> InstanceId {
        let key = &IdempotencyKey::random();
        let made = self.ask("instance_create", |client| async move {
            client.instance_create(workflow, start, key).await
        });
        made.id
    }

    pub(crate) fn instance(&self, id: InstanceId) -> InstanceDetail {
        self.ask(
            "instance_show",
            |client| async move { client.instance_show(id).await },
        )
    }

    /// The question that this instance waits with, as soon as there is one.
    pub(crate) fn open_approval(&self, instance: InstanceId) -> ApprovalId {
        let list = &ListRequest {
            filter: vec![
                ("instance".into(), instance.to_string()),
                ("state".into(), "open".into()),
            ],
            ..ListRequest::default()
        };
        wait_for("somebody to be asked", || {
            let asked = self.ask("approval_list", |client| async move {
                client.approval_list(list).await
            });
            asked.items.first().map(|approval| approval.id)
        })
    }

    /// Somebody new with a role everywhere, signed in at this address.
    pub(crate) fn person(&self, name: &str, role: &str, url: &str) -> Client {
        let show = |client: Client| async move { client.session_show().await };
        let tenant = self.ask("session_show", show).user.tenant_id;
        let user: UserCreate = request(json!({
            "username": name, "password": PASSWORD, "display_name": name,
            "bindings": [{"role": role, "scope": {"kind": "tenant", "id": tenant}}],
        }));
        let key = IdempotencyKey::random();
        let (user, key) = (&user, &key);
        self.ask("user_create", |client| async move {
            client.user_create(user, key).await
        });
        let trust = Trust::Ca(fs::read_to_string(&self.ca).unwrap());
        let stranger = Client::new(url, &Credentials::None, &trust).unwrap();
        let sign_in = SessionCreate {
            username: name.into(),
            password: PASSWORD.into(),
        };
        let session = self.once(stranger.session_create(&sign_in)).unwrap();
        stranger.with_credentials(&session.credentials).unwrap()
    }
}
