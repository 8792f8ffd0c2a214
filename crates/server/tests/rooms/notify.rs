//! Messages to webhooks, with a receiver that speaks HTTP. E-mail is tested with the whole program and a mail server.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use postern_api::{
    ListRequest,
    identity::UserUpdate,
    notify::{Delivery, DeliveryDetail, MailTest, Webhook, WebhookCreate, WebhookSaved, WebhookUpdate},
    workflows::{InstanceCreate, WorkflowPublish},
};
use postern_domain::{
    DeliveryId, InstanceId, OrganizationId, TenantId, Timestamp, UserId, WebhookId,
    approval::Decision,
    notify::{Channel, DeliveryState, Topic, wait_after},
    permission::{Place, Role, Scope},
    workflow::engine::{InstanceState, Outcome},
};
use postern_server::clock::Clock as _;
use postern_store::{
    jobs::Secret,
    notify::{self, NewDelivery, SavedWebhook},
    tx,
};
use postern_testkit::{TestServer, client::Client, key, until};
use serde_json::{Value, json};

use crate::{
    filtered, no, on_both_databases, refused,
    workflows::{command, published, show, started, until_begun, until_state},
    wrong_field,
};

on_both_databases! {
    a_webhook_is_told_what_it_asked_for_and_can_check_who_says_it,
    what_does_not_arrive_is_tried_again_given_up_and_sent_again_by_hand,
    what_the_server_fails_over_is_given_up_and_hinders_no_other_message,
    what_arrives_after_it_was_to_be_sent_again_is_not_sent_twice,
    a_try_that_fails_late_does_not_count_for_one_begun_since,
    a_step_tells_a_webhook_values_as_text,
    a_step_that_reaches_nobody_fails_and_says_why,
    a_step_writes_to_those_who_may_see_the_instance_alone,
    who_may_not_see_the_workflow_any_more_is_not_reminded,
    those_who_have_not_answered_are_reminded_until_it_is_over,
    webhooks_are_changed_switched_off_and_removed,
    wrong_webhooks_are_refused,
    who_may_not_manage_settings_does_not_see_addresses,
}

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

async fn only_delivery(client: &Client) -> Delivery {
    let page = client.delivery_list(&ListRequest::default()).await.unwrap();
    assert_eq!(page.items.len(), 1, "{page:?}");
    page.items[0].clone()
}

async fn until_delivery(client: &Client, state: DeliveryState, attempts: u32) -> Delivery {
    until(
        &format!("a message to be {state:?} after {attempts} tries"),
        || async {
            let delivery = only_delivery(client).await;
            (delivery.state == state && delivery.attempts == attempts).then_some(delivery)
        },
    )
    .await
}

async fn shown(client: &Client, id: DeliveryId) -> Delivery {
    client.delivery_show(id).await.unwrap().delivery
}

async fn until_ended(client: &Client, id: DeliveryId, state: DeliveryState) -> Delivery {
    until(&format!("message {id} to be {state:?}"), || async {
        let delivery = shown(client, id).await;
        (delivery.state == state).then_some(delivery)
    })
    .await
}

/// Waits until a failed try is on record, after which the next one is at this time.
async fn until_next(client: &Client, id: DeliveryId, next: Timestamp) -> Delivery {
    until(&format!("message {id} to be tried again at {next}"), || async {
        let delivery = shown(client, id).await;
        (delivery.next_at == Some(next)).then_some(delivery)
    })
    .await
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

/// Starts a workflow of this organization that tells somebody something.
async fn tells(server: &TestServer, organization: OrganizationId, to: &str) -> InstanceId {
    let admin = server.admin();
    let request = json!({
        "name": format!("flow-{}", key().as_str().to_lowercase()),
        "organization_id": organization,
        "definition": {"steps": [{"id": "say", "type": "notify", "to": [to], "title": "T"}]},
    });
    let request = serde_json::from_value(request).unwrap();
    let made = admin.workflow_create(&request, &key()).await.unwrap();
    let id = made.workflow.id;
    let publish = WorkflowPublish::default();
    admin.workflow_publish(id, &publish, &key()).await.unwrap();
    let started = admin
        .instance_create(id, &InstanceCreate::default(), &key())
        .await;
    started.unwrap().id
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

async fn a_webhook_is_told_what_it_asked_for_and_can_check_who_says_it(server: TestServer) {
    let (admin, receiver, deaf) = (server.admin(), Receiver::start().await, Receiver::start().await);
    let saved = webhook(&admin, "pager", &receiver.url(), &[Topic::InstanceEnded]).await;
    webhook(&admin, "deaf", &deaf.url(), &[]).await;
    let steps = json!([{"id": "choose", "type": "conditional", "condition": "1 == 1", "on_true": "completed", "on_false": "failed"}]);
    let id = started_nowhere(&server, steps).await;
    until_state(&server, id, InstanceState::Completed).await;
    let taken = receiver.wait(1).await;
    assert_eq!(taken.len(), 1);
    let secret = saved.secret.unwrap();
    assert_eq!(taken[0].signature, signature(secret.reveal(), &taken[0]));
    let message = taken[0].json();
    assert_eq!(message["type"], "instance_ended");
    assert_eq!(message["data"]["state"], "completed");
    assert_eq!(message["data"]["instance_id"], id.0);
    let link = message["data"]["url"].as_str().unwrap();
    assert!(link.ends_with(&format!("/instances/{id}")), "{link}");
    let delivery = until_delivery(&admin, DeliveryState::Delivered, 1).await;
    assert_eq!(taken[0].id, format!("msg_{}", delivery.id));
    assert_eq!(
        (
            delivery.recipient.as_str(),
            delivery.instance_id,
            delivery.next_at
        ),
        ("pager", Some(id), None)
    );
    assert!(deaf.taken().is_empty());
    assert_eq!(
        refused(admin.delivery_retry(delivery.id).await),
        no(409, "delivered")
    );
}

async fn what_does_not_arrive_is_tried_again_given_up_and_sent_again_by_hand(server: TestServer) {
    let (admin, receiver) = (server.admin(), Receiver::start().await);
    receiver.refuse(Some(StatusCode::SERVICE_UNAVAILABLE));
    let saved = webhook(&admin, "pager", &receiver.url(), &[]).await;
    admin.webhook_test(saved.webhook.id).await.unwrap();
    for tries in 1..=7 {
        let next = server.clock.now().plus(wait_after(tries).unwrap());
        let delivery = until(&format!("try {tries} to be on record"), || async {
            let delivery = only_delivery(&admin).await;
            (delivery.next_at == Some(next)).then_some(delivery)
        })
        .await;
        let told = (delivery.state, delivery.attempts, delivery.error.as_deref());
        let reason = Some("It answered 503 Service Unavailable");
        assert_eq!(told, (DeliveryState::Waiting, tries, reason));
        assert_eq!(delivery.ended_at, None);
        server.clock.set(next);
    }
    let dead = until_delivery(&admin, DeliveryState::Dead, 8).await;
    assert_eq!((dead.next_at, dead.ended_at), (None, Some(server.clock.now())));
    let dead_ones = admin
        .delivery_list(&filtered(&[
            ("state", "dead"),
            ("channel", "webhook"),
            ("topic", "test"),
        ]))
        .await
        .unwrap();
    assert_eq!(dead_ones.items, std::slice::from_ref(&dead));
    let taken = receiver.taken();
    assert_eq!(taken.len(), 8);
    assert!(
        taken
            .iter()
            .all(|one| one.id == taken[0].id && one.body == taken[0].body),
        "a receiver can tell that it had it before"
    );
    receiver.refuse(None);
    admin.delivery_retry(dead.id).await.unwrap();
    let delivered = until_delivery(&admin, DeliveryState::Delivered, 1).await;
    assert_eq!(delivered.error, None);
    // Nobody listens.
    let gone = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/", gone.local_addr().unwrap());
    drop(gone);
    let change = WebhookUpdate {
        url: Some(url.clone()),
        ..Default::default()
    };
    admin.webhook_update(saved.webhook.id, &change).await.unwrap();
    let test = admin.webhook_test(saved.webhook.id).await.unwrap();
    let error = until("it to fail", || async {
        admin.delivery_show(test.id).await.unwrap().delivery.error
    })
    .await;
    assert!(error.contains("onnect") && !error.contains(&url), "{error}");
}

/// What no server sealed: nothing can be signed with it.
async fn tear(server: &TestServer, id: WebhookId) {
    let now = server.clock.now();
    server
        .write(tx!(tx => {
            let webhook = notify::webhook_find(tx, id).await?.expect("it is there");
            let secret = Secret { sealed: b"torn".to_vec(), ..webhook.secret() };
            let saved = SavedWebhook {
                name: webhook.name,
                url: webhook.url,
                topics: webhook.topics,
                active: webhook.active,
                secret,
            };
            notify::webhook_update(tx, id, saved, "test", now).await
        }))
        .await;
}

async fn what_the_server_fails_over_is_given_up_and_hinders_no_other_message(server: TestServer) {
    let (admin, receiver) = (server.admin(), Receiver::start().await);
    let torn = webhook(&admin, "torn", &receiver.url(), &[]).await.webhook.id;
    let sound = webhook(&admin, "sound", &receiver.url(), &[]).await.webhook.id;
    receiver.refuse(Some(StatusCode::SERVICE_UNAVAILABLE));
    let broken = admin.webhook_test(torn).await.unwrap().id;
    let whole = admin.webhook_test(sound).await.unwrap().id;
    let next = server.clock.now().plus(wait_after(1).unwrap());
    for id in [broken, whole] {
        until_next(&admin, id, next).await;
    }
    tear(&server, torn).await;
    receiver.refuse(None);
    // Both are sent in one round.
    server.clock.set(next);
    let arrived = until_ended(&admin, whole, DeliveryState::Delivered).await;
    assert_eq!(arrived.attempts, 2);
    for tries in 2..=7 {
        let next = server.clock.now().plus(wait_after(tries).unwrap());
        let delivery = until_next(&admin, broken, next).await;
        let told = (delivery.state, delivery.attempts, delivery.error.as_deref());
        let reason = Some("The server failed over it; its log says why");
        assert_eq!(told, (DeliveryState::Waiting, tries, reason));
        server.clock.set(next);
    }
    let dead = until_ended(&admin, broken, DeliveryState::Dead).await;
    assert_eq!((dead.attempts, dead.ended_at), (8, Some(server.clock.now())));
    assert_eq!(receiver.taken().len(), 3, "nothing is sent unsigned");
    assert!(server.metric("postern_background_errors_total").await >= 7.0);
}

async fn what_arrives_after_it_was_to_be_sent_again_is_not_sent_twice(server: TestServer) {
    let (admin, receiver) = (server.admin(), Receiver::start().await);
    let saved = webhook(&admin, "pager", &receiver.url(), &[]).await;
    let held = receiver.hold().await;
    let id = admin.webhook_test(saved.webhook.id).await.unwrap().id;
    receiver.wait(1).await;
    let again = admin.delivery_retry(id).await.unwrap();
    assert_eq!((again.state, again.attempts), (DeliveryState::Waiting, 0));
    drop(held);
    let arrived = until_ended(&admin, id, DeliveryState::Delivered).await;
    assert_eq!(arrived.attempts, 1);
    assert_eq!(receiver.taken().len(), 1);
}

/// As two servers do it on one database; the clock stands, so this server does not try it as well.
async fn a_try_that_fails_late_does_not_count_for_one_begun_since(server: TestServer) {
    const CLAIM: Duration = Duration::from_secs(60);
    let now = server.clock.now();
    let later = now.plus(Duration::from_secs(1));
    let new = NewDelivery {
        place: Place::tenant(server.default_tenant().await.id),
        channel: Channel::Webhook,
        webhook: None,
        recipient: "pager".into(),
        topic: Topic::Test,
        title: "T".into(),
        message: "{}".into(),
        instance: None,
    };
    let (first, second, found) = server
        .write(tx!(tx => {
            let id = notify::delivery_create(tx, new, now).await?;
            let first = notify::delivery_claim(tx, id, now, now.plus(CLAIM)).await?;
            let first = first.expect("it is due");
            notify::delivery_again(tx, id, later).await?;
            let second = notify::delivery_claim(tx, id, later, later.plus(CLAIM)).await?;
            let second = second.expect("it is due again");
            notify::delivery_failed(tx, &first, "No answer".into(), None, later).await?;
            let found = notify::delivery_find(tx, id).await?;
            Ok((first, second, found))
        }))
        .await;
    assert_eq!(first.attempts, second.attempts);
    assert_eq!(found, Some(second));
}

async fn a_step_tells_a_webhook_values_as_text(server: TestServer) {
    let (admin, receiver) = (server.admin(), Receiver::start().await);
    let web = server.agent("web-1").await;
    webhook(&admin, "pager", &receiver.url(), &[]).await;
    let steps = json!([
        command("look", &["look"]),
        {"id": "say", "type": "notify", "to": ["webhook:pager", "webhook:pager"],
         "title": "Found {{step_look.stdout}}", "message": "{{instance.workflow}} by {{instance.started_by}}"},
    ]);
    let id = started(&server, &["web-1"], steps).await;
    let found = "<script>alert(1)</script>{{step_look.stderr}}\r\nBcc: eve@example.org";
    crate::workflows::runs(&web, found, 0).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    let taken = receiver.wait(1).await;
    assert_eq!(taken.len(), 1, "named twice, told once");
    let data = taken[0].json()["data"].clone();
    assert_eq!(data["title"], format!("Found {found}"));
    assert_eq!(
        data["message"],
        format!("{} by {}", detail.instance.workflow, detail.instance.started_by)
    );
    let deliveries = admin
        .delivery_list(&filtered(&[("instance", &id.to_string())]))
        .await
        .unwrap();
    let shown: DeliveryDetail = admin.delivery_show(deliveries.items[0].id).await.unwrap();
    assert_eq!(shown.message.data.title, format!("Found {found}"));
}

async fn a_step_that_reaches_nobody_fails_and_says_why(server: TestServer) {
    let admin = server.admin();
    let receiver = Receiver::start().await;
    let off = webhook(&admin, "off", &receiver.url(), &[]).await;
    let switch = WebhookUpdate {
        active: Some(false),
        ..Default::default()
    };
    admin.webhook_update(off.webhook.id, &switch).await.unwrap();
    for (to, part) in [
        ("webhook:nowhere", "does not exist"),
        ("webhook:off", "switched off"),
        ("user:9999", "has no e-mail address"),
        ("role:agent_installer", "nobody who holds it"),
        ("email:ada@example.org", "POSTERN_SMTP_URL"),
    ] {
        let steps = json!([{"id": "say", "type": "notify", "to": [to], "title": "T"}]);
        let id = started_nowhere(&server, steps).await;
        until_state(&server, id, InstanceState::Failed).await;
        let run = &show(&server, id).await.runs[0];
        assert_eq!(run.outcome, Some(Outcome::Failed));
        let reason = run.reason.as_deref().unwrap();
        assert!(reason.contains(part), "{to}: {reason}");
    }
    assert!(receiver.taken().is_empty());
    let test = MailTest {
        to: "ada@example.org".into(),
    };
    assert_eq!(wrong_field(admin.mail_test(&test).await), "to");
    assert!(!admin.mail_show().await.unwrap().configured);
}

async fn a_step_writes_to_those_who_may_see_the_instance_alone(server: TestServer) {
    let server = with_mail(server).await;
    let tenant = server.default_tenant().await;
    let other = server.organization(tenant.id, "other").await;
    let (near, far) = (
        Scope::Organization(tenant.organization),
        Scope::Organization(other),
    );
    for (address, role, scope) in [
        ("near@example.org", Role::Operator, near),
        ("everywhere@example.org", Role::Operator, Scope::Tenant(tenant.id)),
        ("auditor@example.org", Role::Auditor, near),
        ("installer@example.org", Role::AgentInstaller, near),
    ] {
        addressed(&server, address, tenant.id, (role, scope)).await;
    }
    let stranger = addressed(&server, "far@example.org", tenant.id, (Role::Operator, far)).await;
    let stranger = format!("user:{stranger}");
    for (organization, to, addresses) in [
        (
            tenant.organization,
            "role:operator",
            &["everywhere@example.org", "near@example.org"][..],
        ),
        (
            other,
            "role:operator",
            &["everywhere@example.org", "far@example.org"],
        ),
        (other, &*stranger, &["far@example.org"]),
    ] {
        let id = tells(&server, organization, to).await;
        until_state(&server, id, InstanceState::Completed).await;
        assert_eq!(
            written_to(&server, id, Topic::StepNotify).await,
            addresses,
            "{to}"
        );
    }
    for (to, part) in [
        (&*stranger, "or may not see the workflow"),
        ("role:agent_installer", "may see the workflow"),
    ] {
        let id = tells(&server, tenant.organization, to).await;
        let detail = until_state(&server, id, InstanceState::Failed).await;
        let reason = detail.runs[0].reason.as_deref().unwrap();
        assert!(reason.contains(part), "{to}: {reason}");
        assert!(
            written_to(&server, id, Topic::StepNotify).await.is_empty(),
            "{to}"
        );
    }
}

async fn who_may_not_see_the_workflow_any_more_is_not_reminded(server: TestServer) {
    let server = with_mail(server).await;
    let (admin, receiver) = (server.admin(), Receiver::start().await);
    let tenant = server.default_tenant().await.id;
    let approver = (Role::Approver, Scope::Tenant(tenant));
    addressed(&server, "stays@example.org", tenant, approver).await;
    let lost = addressed(&server, "lost@example.org", tenant, approver).await;
    webhook(&admin, "pager", &receiver.url(), &[Topic::ApprovalReminder]).await;
    let steps = json!([{"id": "ask", "type": "approval", "title": "Deploy?", "approval_type": "one_of_many",
        "approvers": ["role:approver"], "timeout_minutes": 60, "reminder_minutes": 10}]);
    let id = started_nowhere(&server, steps).await;
    until_begun(&server, id, "ask", 1).await;
    assert_eq!(
        written_to(&server, id, Topic::ApprovalOpened).await,
        ["lost@example.org", "stays@example.org"]
    );
    let bindings = admin.user_show(lost).await.unwrap().bindings;
    admin.binding_delete(lost, bindings[0].id).await.unwrap();
    server.clock.advance_seconds(10 * 60);
    receiver.wait(1).await;
    assert_eq!(
        written_to(&server, id, Topic::ApprovalReminder).await,
        ["stays@example.org"]
    );
}

async fn those_who_have_not_answered_are_reminded_until_it_is_over(server: TestServer) {
    let (admin, receiver) = (server.admin(), Receiver::start().await);
    let tenant = server.default_tenant().await.id;
    let person = server
        .person(tenant, &[(Role::Approver, Scope::Tenant(tenant))])
        .await;
    let topics = [
        Topic::ApprovalOpened,
        Topic::ApprovalReminder,
        Topic::ApprovalEnded,
    ];
    webhook(&admin, "pager", &receiver.url(), &topics).await;
    let steps = json!([{"id": "ask", "type": "approval", "title": "Deploy?", "approval_type": "one_of_many",
        "approvers": [format!("user:{}", person.id)], "timeout_minutes": 60, "reminder_minutes": 10}]);
    let id = started_nowhere(&server, steps).await;
    let ask = until_begun(&server, id, "ask", 1).await.approval_id.unwrap();
    let opened = receiver.wait(1).await[0].json();
    assert_eq!(opened["data"]["approval_id"], ask.0);
    assert!(
        opened["data"]["url"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/approvals/{ask}"))
    );
    server.clock.advance_seconds(10 * 60);
    receiver.wait(2).await;
    // Two that were missed are one.
    server.clock.advance_seconds(25 * 60);
    receiver.wait(3).await;
    let answer = postern_api::approvals::ApprovalAnswer {
        decision: Decision::Approve,
        comment: None,
        work_sha256: None,
    };
    person.client.approval_answer(ask, &answer).await.unwrap();
    receiver.wait(4).await;
    server.clock.advance_seconds(11 * 60);
    until_state(&server, id, InstanceState::Completed).await;
    let told: Vec<String> = receiver.taken().iter().map(Taken::topic).collect();
    assert_eq!(
        told,
        [
            "approval_opened",
            "approval_reminder",
            "approval_reminder",
            "approval_ended"
        ]
    );
    assert_eq!(receiver.taken()[3].json()["data"]["state"], "approved");
}

async fn webhooks_are_changed_switched_off_and_removed(server: TestServer) {
    let (admin, receiver) = (server.admin(), Receiver::start().await);
    let saved = webhook(&admin, "pager", &receiver.url(), &[]).await;
    let first = saved.secret.unwrap();
    let id = saved.webhook.id;
    let change = WebhookUpdate {
        name: Some("bell".into()),
        topics: Some(vec![
            Topic::InstanceEnded,
            Topic::ApprovalOpened,
            Topic::InstanceEnded,
        ]),
        ..Default::default()
    };
    let changed = admin.webhook_update(id, &change).await.unwrap();
    assert_eq!(changed.secret, None);
    assert_eq!(changed.webhook.name, "bell");
    assert_eq!(
        changed.webhook.topics,
        [Topic::ApprovalOpened, Topic::InstanceEnded]
    );
    let change = WebhookUpdate {
        new_secret: true,
        ..Default::default()
    };
    let second = admin.webhook_update(id, &change).await.unwrap().secret.unwrap();
    assert_ne!(first, second);
    admin.webhook_test(id).await.unwrap();
    let taken = receiver.wait(1).await;
    assert_eq!(taken[0].signature, signature(second.reveal(), &taken[0]));
    receiver.refuse(Some(StatusCode::BAD_GATEWAY));
    let waits = admin.webhook_test(id).await.unwrap();
    receiver.wait(2).await;
    admin.webhook_delete(id).await.unwrap();
    let given_up = admin.delivery_show(waits.id).await.unwrap().delivery;
    assert_eq!(given_up.state, DeliveryState::Dead);
    assert_eq!(given_up.error.as_deref(), Some("The webhook was deleted"));
    assert_eq!(refused(admin.webhook_show(id).await), no(404, "not_found"));
    assert_eq!(refused(admin.webhook_test(id).await), no(404, "not_found"));
}

async fn wrong_webhooks_are_refused(server: TestServer) {
    let admin = server.admin();
    let good = WebhookCreate {
        name: "pager".into(),
        url: "https://hooks.example.org/a".into(),
        topics: Vec::new(),
        active: true,
    };
    let with = |change: fn(&mut WebhookCreate)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    for (request, field) in [
        (with(|webhook| webhook.name = String::new()), "name"),
        (with(|webhook| webhook.name = "12".into()), "name"),
        (with(|webhook| webhook.url = "hooks.example.org".into()), "url"),
        (
            with(|webhook| webhook.url = "http://169.254.169.254/latest".into()),
            "url",
        ),
        (with(|webhook| webhook.topics = vec![Topic::Test]), "topics"),
    ] {
        assert_eq!(
            wrong_field(admin.webhook_create(&request, &key()).await),
            field,
            "{request:?}"
        );
    }
    let key = key();
    let first = admin.webhook_create(&good, &key).await.unwrap();
    let again = admin.webhook_create(&good, &key).await.unwrap();
    assert_eq!(first, again, "the same request is answered with the same secret");
    let other = postern_testkit::key();
    assert_eq!(
        refused(admin.webhook_create(&good, &other).await),
        no(409, "name_taken")
    );
    assert_eq!(
        refused(admin.webhook_show(WebhookId(999)).await),
        no(404, "not_found")
    );
}

async fn who_may_not_manage_settings_does_not_see_addresses(server: TestServer) {
    let admin = server.admin();
    let tenant = server.default_tenant().await.id;
    let saved = webhook(&admin, "pager", "https://hooks.example.org/T0KEN", &[]).await;
    let operator = server
        .person(tenant, &[(Role::Operator, Scope::Tenant(tenant))])
        .await;
    let client = &operator.client;
    let seen: Webhook = client.webhook_show(saved.webhook.id).await.unwrap();
    assert_eq!((seen.name.as_str(), seen.url), ("pager", None));
    let steps = json!([{"id": "say", "type": "notify", "to": ["webhook:pager"], "title": "T"}]);
    published(client, "says", json!({"steps": steps})).await;
    assert_eq!(
        refused(client.webhook_test(saved.webhook.id).await),
        no(403, "permission_missing")
    );
}
