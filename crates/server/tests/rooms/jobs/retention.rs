//! What ended long ago is removed, where that is wanted, beside the work that goes on.

use std::time::Duration;

use postern_domain::job::JobState;
use postern_server::clock::Clock as _;
use postern_testkit::{TestServer, argv, key, on, until};

use super::{create, state, until_state};
use crate::{filtered, on_both_databases, refused};

on_both_databases! {
    what_ended_long_ago_is_removed_where_that_is_wanted,
    very_many_are_removed_while_others_run,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn what_ended_long_ago_is_removed_where_that_is_wanted(mut server: TestServer) {
    let today = server.clock.now();
    server.clock.set(today.minus(DAY * 9));
    let one = server.agent("a-1").await;
    let admin = server.admin();
    let request = on(&["a-1"], argv(&["x"]));
    let made = admin.job_create(&request, &key()).await.unwrap();
    one.run(0).await;
    server.clock.set(today);
    let later = admin.job_create(&request, &key()).await.unwrap();
    one.run(0).await;
    server.retain_jobs_days(8);
    server.restart().await;
    until("the old job is gone", || async {
        server.admin().job_show(made.jobs[0].id).await.err().map(|_| ())
    })
    .await;
    assert_eq!(
        refused(server.admin().execution_show(made.execution_id).await).0,
        404
    );
    assert_eq!(state(&server, later.jobs[0].id).await, JobState::Completed);
    let record = filtered(&[("action", "jobs_expire")]);
    let records = server.admin().audit_list(&record).await.unwrap().items;
    assert_eq!((records.len(), records[0].actor.as_str()), (1, "system"));
}

async fn very_many_are_removed_while_others_run(mut server: TestServer) {
    /// More than two transactions take.
    const OLD: usize = 410;
    let today = server.clock.now();
    server.clock.set(today.minus(DAY * 9));
    let agent = server.agent("a-1").await;
    let admin = server.admin();
    let request = on(&["a-1"], argv(&["x"]));
    for _ in 0..OLD {
        let made = admin.job_create(&request, &key()).await.unwrap();
        admin.job_cancel(made.jobs[0].id).await.unwrap();
    }
    // One that nobody heard of again.
    let silent = create(
        &server,
        &postern_api::jobs::JobCreate {
            timeout_seconds: Some(30),
            ..request.clone()
        },
    )
    .await;
    let order = agent.order().await;
    agent.start(&order).await;
    server.heard(&agent).await;
    server.clock.advance_seconds(61);
    until_state(&server, silent, JobState::Timeout).await;
    server.clock.set(today);
    agent.lose_journal();
    let running = create(&server, &request).await;
    let order = agent.order().await;
    agent.start(&order).await;
    server.retain_jobs_days(8);
    server.restart().await;
    until("only the one that runs is left", || async {
        let page = server.admin().job_list(&Default::default()).await.unwrap();
        let ids: Vec<_> = page.items.iter().map(|job| job.id).collect();
        (ids == [running]).then_some(())
    })
    .await;
    agent.exit(&order, 0).await;
    assert_eq!(state(&server, running).await, JobState::Completed);
    let records = filtered(&[("action", "jobs_expire")]);
    let records = server.admin().audit_list(&records).await.unwrap().items;
    assert_eq!(records.len(), 3, "a few hundred at a time");
}
