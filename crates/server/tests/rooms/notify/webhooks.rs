//! Saving webhooks, and who may see where they go.

use axum::http::StatusCode;
use postern_api::notify::{Webhook, WebhookCreate, WebhookUpdate};
use postern_domain::{
    WebhookId,
    notify::{DeliveryState, Topic},
    permission::{Role, Scope},
};
use postern_testkit::{TestServer, key};
use serde_json::json;

use super::{Receiver, signature, webhook};
use crate::{no, on_both_databases, refused, workflows::published, wrong_field};

on_both_databases! {
    webhooks_are_changed_switched_off_and_removed,
    wrong_webhooks_are_refused,
    who_may_not_manage_settings_does_not_see_addresses,
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
