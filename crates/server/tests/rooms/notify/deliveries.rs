//! Messages on their way to a webhook: signed, tried again, given up, and never sent twice.

use std::time::Duration;

use axum::http::StatusCode;
use postern_api::{
    ListRequest,
    notify::{Delivery, WebhookUpdate},
};
use postern_domain::{
    DeliveryId, Timestamp, WebhookId,
    notify::{Channel, DeliveryState, Topic, wait_after},
    permission::Place,
    workflow::engine::InstanceState,
};
use postern_server::clock::Clock as _;
use postern_store::{
    jobs::Secret,
    notify::{self, NewDelivery, SavedWebhook},
    tx,
};
use postern_testkit::{TestServer, client::Client, until};
use serde_json::json;

use super::{Receiver, signature, started_nowhere, webhook};
use crate::{filtered, no, on_both_databases, refused, workflows::until_state};

on_both_databases! {
    a_webhook_is_told_what_it_asked_for_and_can_check_who_says_it,
    what_does_not_arrive_is_tried_again_given_up_and_sent_again_by_hand,
    what_the_server_fails_over_is_given_up_and_hinders_no_other_message,
    what_arrives_after_it_was_to_be_sent_again_is_not_sent_twice,
    a_try_that_fails_late_does_not_count_for_one_begun_since,
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
    let address = gone.local_addr().unwrap();
    let url = format!("http://{address}/T0KEN");
    drop(gone);
    let change = WebhookUpdate {
        url: Some(url),
        ..Default::default()
    };
    admin.webhook_update(saved.webhook.id, &change).await.unwrap();
    let test = admin.webhook_test(saved.webhook.id).await.unwrap();
    let error = until("it to fail", || async {
        admin.delivery_show(test.id).await.unwrap().delivery.error
    })
    .await;
    assert_eq!(error, format!("{address} refused the connection"));
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
