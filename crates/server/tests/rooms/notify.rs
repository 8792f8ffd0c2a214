//! Messages to webhooks, with a receiver that speaks HTTP. E-mail is tested with the whole program and a mail server.

mod deliveries;
mod reminders;
mod steps;
mod webhooks;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use postern_api::{
    identity::UserUpdate,
    notify::{WebhookCreate, WebhookSaved},
    workflows::InstanceCreate,
};
use postern_domain::{
    InstanceId, TenantId, UserId,
    notify::Topic,
    permission::{Role, Scope},
};
use postern_testkit::{TestServer, client::Client, key, until};
use serde_json::{Value, json};

use crate::{filtered, workflows::published};

/// A program that takes messages, and answers what the test says.
struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    taken: Mutex<Vec<Taken>>,
    /// Refuses with this, while it is there.
    refuses: Mutex<Option<StatusCode>>,
    /// Nothing is answered while somebody has it.
    held: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone)]
struct Taken {
    id: String,
    at: String,
    signature: String,
    body: String,
}

impl Taken {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn topic(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }
}

impl Receiver {
    async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let router = Router::new()
            .route("/hook", post(take))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    fn taken(&self) -> Vec<Taken> {
        self.shared.taken.lock().unwrap().clone()
    }

    fn refuse(&self, status: Option<StatusCode>) {
        *self.shared.refuses.lock().unwrap() = status;
    }

    /// It answers nothing until this is dropped.
    async fn hold(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.shared.held.lock().await
    }

    async fn wait(&self, count: usize) -> Vec<Taken> {
        until(&format!("{count} messages"), || async {
            let taken = self.taken();
            (taken.len() >= count).then_some(taken)
        })
        .await
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    shared.taken.lock().unwrap().push(Taken {
        id: header("webhook-id"),
        at: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    drop(shared.held.lock().await);
    shared.refuses.lock().unwrap().unwrap_or(StatusCode::NO_CONTENT)
}

async fn webhook(client: &Client, name: &str, url: &str, topics: &[Topic]) -> WebhookSaved {
    let request = WebhookCreate {
        name: name.into(),
        url: url.into(),
        topics: topics.to_vec(),
        active: true,
    };
    client.webhook_create(&request, &key()).await.unwrap()
}

/// Starts what these steps say, on no host.
async fn started_nowhere(server: &TestServer, steps: Value) -> InstanceId {
    let admin = server.admin();
    let name = format!("flow-{}", key().as_str().to_lowercase());
    let id = published(&admin, &name, json!({"steps": steps})).await;
    let made = admin
        .instance_create(id, &InstanceCreate::default(), &key())
        .await;
    made.unwrap().id
}

/// The same server, which sends e-mail now, to where nobody listens.
async fn with_mail(mut server: TestServer) -> TestServer {
    server.mail("smtp://127.0.0.1:1?tls=none");
    server.restart().await;
    server
}

/// A user with a role and this address.
async fn addressed(
    server: &TestServer,
    address: &str,
    tenant: TenantId,
    (role, scope): (Role, Scope),
) -> UserId {
    let id = server.person(tenant, &[(role, scope)]).await.id;
    let update = UserUpdate {
        email: Some(address.into()),
        ..Default::default()
    };
    server.admin().user_update(id, &update).await.unwrap();
    id
}

/// The addresses that an instance has written to about this.
async fn written_to(server: &TestServer, instance: InstanceId, topic: Topic) -> Vec<String> {
    let request = filtered(&[
        ("instance", &instance.to_string()),
        ("channel", "email"),
        ("topic", topic.as_str()),
    ]);
    let page = server.admin().delivery_list(&request).await.unwrap();
    let mut addresses: Vec<String> = page.items.into_iter().map(|one| one.recipient).collect();
    addresses.sort();
    addresses
}

/// As the specification of Standard Webhooks says, written here once more.
fn signature(secret: &str, taken: &Taken) -> String {
    use aws_lc_rs::hmac;
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!("{}.{}.{}", taken.id, taken.at, taken.body);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}
