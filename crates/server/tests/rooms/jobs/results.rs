//! How results are stored: beside those of others, by themselves, and whether or not their agents wait for the answer.

use postern_domain::job::JobState;
use postern_protocol::{
    messages::{Chunk, Outcome, ResultAnswer, Stream},
    path,
};
use postern_testkit::{Database, TestServer, argv, on, until};

use super::{create, state};

/// Notes with each job that ended how long its transaction would have waited for a row: one that may be shared gives way.
const NOTE: &str = "
    CREATE TABLE noted (job BIGINT, lock_timeout TEXT);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO noted VALUES (NEW.id, current_setting('lock_timeout')); RETURN NULL; END $$;
    CREATE TRIGGER note AFTER UPDATE ON jobs FOR EACH ROW
      WHEN (NEW.state = 'completed' AND OLD.state <> NEW.state) EXECUTE FUNCTION note()";
const SHARED: &str = "200ms";
const BY_ITSELF: &str = "0";
const PIECE: usize = 32 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_with_much_output_is_stored_by_itself() {
    let server = TestServer::on(Database::Postgres).await;
    let client = server.postgres_client().await;
    client.batch_execute(NOTE).await.unwrap();
    for (bytes, expected) in [(0, SHARED), (2 * PIECE, SHARED), (2 * PIECE + 1, BY_ITSELF)] {
        let name = format!("host-{bytes}");
        let agent = server.agent(&name).await;
        let id = create(&server, &on(&[name.as_str()], argv(&["x"]))).await;
        let order = agent.order().await;
        agent.start(&order).await;
        let mut result = agent.result(&order, Outcome::Exited { code: 0 });
        let output = vec![b'x'; bytes];
        let pieces = (0..).step_by(PIECE).zip(output.chunks(PIECE));
        result.chunks = pieces
            .map(|(offset, data)| Chunk {
                stream: Stream::Stdout,
                offset,
                data: data.to_vec(),
            })
            .collect();
        let answer: ResultAnswer = agent
            .post(&path::result(order.attempt_id), &result)
            .await
            .unwrap();
        assert!(answer.known);
        let noted = client
            .query_one("SELECT lock_timeout FROM noted WHERE job = $1", &[&id.0])
            .await
            .unwrap();
        assert_eq!(noted.get::<_, String>(0), expected, "{bytes} bytes");
    }
}

/// What waits for the end of a job hears of it from whoever stored its result, and not from a reconciler later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_is_stored_and_told_of_when_its_agent_has_gone_away() {
    let server = TestServer::on(Database::Postgres).await;
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let order = agent.order().await;
    agent.start(&order).await;
    let client = server.postgres_client().await;
    let keep = format!("BEGIN; SELECT 1 FROM jobs WHERE id = {id} FOR UPDATE");
    client.batch_execute(&keep).await.unwrap();
    let telling = tokio::spawn({
        let (agent, order) = (agent.clone(), order.clone());
        async move { agent.exit(&order, 0).await }
    });
    let waiting =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("the result waits", || async {
        (client.query(waiting, &[]).await.unwrap().len() == 1).then_some(())
    })
    .await;
    telling.abort();
    assert!(telling.await.unwrap_err().is_cancelled());
    client.batch_execute("COMMIT").await.unwrap();
    until("the end is told of", || async {
        let ended = server
            .metric("postern_jobs_ended_total{state=\"completed\"}")
            .await;
        (ended > 0.0).then_some(())
    })
    .await;
    assert_eq!(state(&server, id).await, JobState::Completed);
}
