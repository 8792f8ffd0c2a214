//! The live events of an instance.

use postern_domain::{InstanceId, workflow::engine::InstanceState};
use postern_testkit::{TestServer, client::InstanceNews};
use serde_json::json;

use super::{command, runs, started};
use crate::{no, on_both_databases, refused};

on_both_databases! {
    a_watch_tells_each_move_and_the_end,
    a_watch_ends_with_the_token_it_was_opened_with,
}

async fn a_watch_tells_each_move_and_the_end(server: TestServer) {
    let (web, admin) = (server.agent("web-1").await, server.admin());
    let steps = json!([command("first", &["x"]), command("second", &["y"])]);
    let id = started(&server, &["web-1"], steps).await;
    let mut watch = admin.instance_watch(id).await.unwrap();
    let mut seen: Vec<(InstanceState, Vec<String>)> = Vec::new();
    for step in ["first", "second"] {
        loop {
            let Some(InstanceNews::State(instance)) = watch.next().await.unwrap() else {
                panic!("it has not ended");
            };
            let at_step = instance.current == [step];
            seen.push((instance.state, instance.current));
            if at_step {
                break;
            }
        }
        runs(&web, "", 0).await;
    }
    let mut last = None;
    while let InstanceNews::State(instance) = watch.next().await.unwrap().expect("the end is told") {
        last = Some(instance.state);
    }
    assert_eq!(last, Some(InstanceState::Completed));
    assert_eq!(watch.next().await.unwrap(), None);
    assert!(
        seen.windows(2).all(|pair| pair[0] != pair[1]),
        "what did not change is not told: {seen:?}"
    );
    // One that has ended says so at once.
    let mut again = admin.instance_watch(id).await.unwrap();
    assert!(matches!(
        again.next().await.unwrap(),
        Some(InstanceNews::State(_))
    ));
    assert_eq!(again.next().await.unwrap(), Some(InstanceNews::End));
    assert_eq!(
        refused(admin.instance_watch(InstanceId(999)).await),
        no(404, "not_found")
    );
}

async fn a_watch_ends_with_the_token_it_was_opened_with(server: TestServer) {
    server.agent("web-1").await;
    let id = started(&server, &["web-1"], json!([command("first", &["x"])])).await;
    let request = postern_api::identity::TokenCreate {
        name: "watcher".into(),
        permissions: None,
        expires_in_days: None,
    };
    let admin = server.admin();
    let token = admin
        .token_create(&request, &postern_testkit::key())
        .await
        .unwrap();
    let mut watch = server.client(&token.secret).instance_watch(id).await.unwrap();
    assert!(matches!(
        watch.next().await.unwrap(),
        Some(InstanceNews::State(_))
    ));
    admin.token_delete(token.token.id).await.unwrap();
    let ended = tokio::time::timeout(postern_testkit::LIMIT, async {
        while watch.next().await.unwrap().is_some() {}
    });
    ended.await.expect("the stream ends");
}
