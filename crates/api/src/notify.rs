//! Webhooks, e-mail, and messages on their way.

use postern_domain::{
    DeliveryId, DepartmentId, InstanceId, OrganizationId, Timestamp, WebhookId,
    notify::{Channel, DeliveryState, Topic},
};

use crate::secret::SecretText;

crate::wire! {
    /// A program elsewhere that is told of what happens.
    pub struct Webhook {
        pub id: WebhookId,
        pub name: String,
        /// For those who may manage settings: addresses of webhooks often are secrets.
        pub url: Option<String>,
        /// What it is told of without being named by a step.
        pub topics: Vec<Topic>,
        pub active: bool,
        pub created_at: Timestamp,
        pub created_by: String,
        pub updated_at: Timestamp,
        pub updated_by: String,
    }

    /// With the secret that its messages are signed with, whenever a new one was drawn. It is shown once.
    pub struct WebhookSaved {
        #[serde(flatten)]
        pub webhook: Webhook,
        pub secret: Option<SecretText>,
    }

    #[serde(deny_unknown_fields)]
    pub struct WebhookCreate {
        pub name: String,
        /// `https://…` or `http://…`, without user and password.
        pub url: String,
        #[serde(default)]
        pub topics: Vec<Topic>,
        #[serde(default = "yes")]
        pub active: bool,
    }

    /// What is absent stays.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct WebhookUpdate {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub url: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub topics: Option<Vec<Topic>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub active: Option<bool>,
        /// Draws a new secret; the old one is forgotten.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub new_secret: bool,
    }

    /// One message to one receiver.
    pub struct Delivery {
        pub id: DeliveryId,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub channel: Channel,
        /// An e-mail address, or the name of a webhook.
        pub recipient: String,
        pub topic: Topic,
        pub title: String,
        pub state: DeliveryState,
        /// How often it was sent.
        pub attempts: u32,
        /// When it is sent next, while it waits.
        pub next_at: Option<Timestamp>,
        /// Why the last try failed.
        pub error: Option<String>,
        pub instance_id: Option<InstanceId>,
        pub created_at: Timestamp,
        pub ended_at: Option<Timestamp>,
    }

    pub struct DeliveryDetail {
        #[serde(flatten)]
        pub delivery: Delivery,
        pub message: Message,
    }

    /// What a webhook gets as its body, and what an e-mail is written from. The form is that of the Standard Webhooks
    /// specification.
    pub struct Message {
        #[serde(rename = "type")]
        pub topic: Topic,
        pub timestamp: Timestamp,
        pub data: MessageData,
    }

    #[derive(Default)]
    pub struct MessageData {
        pub title: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub message: Option<String>,
        /// The page that shows more.
        pub url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub workflow: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub instance_id: Option<InstanceId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub approval_id: Option<postern_domain::ApprovalId>,
        /// Until when somebody can answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub deadline: Option<Timestamp>,
        /// As what it ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub state: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<String>,
    }

    /// Whether this server can send e-mail.
    pub struct Mail {
        pub configured: bool,
        pub from: Option<String>,
    }

    #[serde(deny_unknown_fields)]
    pub struct MailTest {
        /// An e-mail address.
        pub to: String,
    }
}

const fn yes() -> bool {
    true
}
