//! What the engines make of a statement, with a database that is full: which statements there are, and by which way their
//! rows are found.

use std::{cell::RefCell, sync::Once};

use futures_util::future::BoxFuture;
use postern_store::{Error, Tx};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{database::TestDatabase, world::NOW};

thread_local! {
    /// Statements run on this thread, while somebody listens: an operation is polled by the test that waits for it.
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Hears the statements that the engine tells at level `trace`. One for the process: a subscriber for a part of it
/// may find the place switched off by a thread that came there without one.
struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "postern_store::statement"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Sql);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Sql;

impl Visit for Sql {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "sql" {
            HEARD.with_borrow_mut(|heard| {
                if let Some(statements) = heard {
                    statements.push(value.to_owned());
                }
            });
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// Does it, and hears the statements that are told on this thread until it is done.
pub(crate) async fn hearing<T>(work: impl Future<Output = T>) -> (T, Vec<String>) {
    static LISTEN: Once = Once::new();
    LISTEN.call_once(|| tracing::subscriber::set_global_default(Listener).expect("nobody else listens"));
    HEARD.set(Some(Vec::new()));
    let done = work.await;
    (done, HEARD.take().unwrap_or_default())
}

/// The statements of an operation, in their order.
async fn statements<F>(db: &TestDatabase, operation: F) -> Vec<String>
where
    F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<(), Error>> + Send,
{
    let (ended, statements) = hearing(db.read(operation)).await;
    // A statement that writes is told all the same, and refused.
    assert!(matches!(ended, Ok(()) | Err(Error::Statement(_))), "{ended:?}");
    assert!(!statements.is_empty(), "the operation's statements were told");
    statements
}

/// How the engine would run the statements of an operation, a step a line.
pub(crate) async fn plan<F>(db: &TestDatabase, operation: F) -> Vec<String>
where
    F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<(), Error>> + Send,
{
    let mut plan = Vec::new();
    for sql in statements(db, operation).await {
        let explain = if db.is_postgres() {
            let values = (1..)
                .take_while(|number| sql.contains(&format!("${number}")))
                .count();
            let values = vec![format!("'{NUMBER}'"); values].join(", ");
            let call = if values.is_empty() {
                values
            } else {
                format!("({values})")
            };
            format!("PREPARE p AS {sql}; EXPLAIN EXECUTE p{call}")
        } else {
            format!("EXPLAIN QUERY PLAN {sql}")
        };
        let steps = db.raw(&explain).await.into_iter().filter_map(|mut row| row.pop());
        plan.extend(steps);
    }
    plan
}

/// What the plans are asked for: the tenant, an agent, a job and the rows of a page, all at once.
pub(crate) const NUMBER: i64 = 50;

/// Without the tables of tests that run beside this one: these are dropped meanwhile.
const ANALYZE_SCHEMA: &str = "; DO $$ DECLARE t TEXT; BEGIN
    FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
        EXECUTE format('ANALYZE %I', t);
    END LOOP;
END $$";

/// 20,000 jobs of 500 agents, of which few are not ended. Half of them come before `NUMBER`.
pub(crate) async fn fill(db: &TestDatabase) {
    let now = NOW.as_micros();
    let numbers = |last: u32| {
        format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last})")
    };
    let (agents, payloads, jobs) = (numbers(500), numbers(5000), numbers(20_000));
    let (data, analyze) = if db.is_postgres() {
        ("'\\x00'", ANALYZE_SCHEMA)
    } else {
        ("x'00'", "")
    };
    db.raw(&format!(
        "INSERT INTO cluster (id, name) VALUES (1, 'c');
         INSERT INTO tenants (id, name, created_us) VALUES ({NUMBER}, 't', 0);
         INSERT INTO organizations (id, tenant_id, name, created_us) VALUES ({NUMBER}, {NUMBER}, 'o', 0);
         INSERT INTO agents (tenant_id, organization_id, name, labels, created_us, last_seen_us, slots)
         {agents} SELECT {NUMBER}, {NUMBER}, 'agent ' || i, '{{}}', 0, {now}, 10 FROM n;
         INSERT INTO agent_labels (agent_id, name, value) SELECT id, 'name', name FROM agents;
         INSERT INTO payloads (digest, body, summary) {payloads} SELECT i, 'x', 'x' || i FROM n;
         INSERT INTO jobs (id, tenant_id, organization_id, agent_id, type, payload_id, summary, state, priority,
                           timeout_seconds, due_us, created_us, created_by, execution_id, finished_us, script_id,
                           schedule_id)
         {jobs} SELECT i - 10000, {NUMBER}, {NUMBER}, i % 500 + 1, CASE WHEN i % 50 = 0 THEN 'script' ELSE 'command' END,
                i % 5000 + 1, 'x',
                CASE WHEN i % 199 = 0 THEN 'queued' WHEN i % 333 = 0 THEN 'running' ELSE 'completed' END,
                i % 3, 300, {now}, i / 10, 'x', i / 2, CASE WHEN i % 199 <> 0 AND i % 333 <> 0 THEN i END,
                CASE WHEN i % 5 = 0 THEN i % 70 END, CASE WHEN i % 7 = 0 THEN i % 70 END FROM n;
         INSERT INTO executions (id, tenant_id, type, summary, created_us, created_by, targets, script_id, schedule_id,
                                 payload_id)
         {jobs} SELECT i - 10000, {NUMBER}, CASE WHEN i % 50 = 0 THEN 'script' ELSE 'command' END, 'x', 0, 'x', '{{}}',
                i % 70, i % 70, i % 5000 + 1 FROM n;
         INSERT INTO execution_places (execution_id, tenant_id, organization_id, department_id)
         SELECT id, {NUMBER}, {NUMBER}, 0 FROM executions;
         INSERT INTO schedules (tenant_id, name, description, definition, owner_id, next_us, created_us, created_by,
                                updated_us, updated_by)
         {payloads} SELECT {NUMBER}, 'schedule ' || i, '', '{{}}', 1, CASE WHEN i % 100 = 0 THEN {now} END, 0, 'x', 0, 'x' FROM n;
         INSERT INTO attempts (job_id, number, state, checkin_number, fence, handed_us)
         SELECT id, 1, state, 1, 1, 0 FROM jobs WHERE state <> 'queued';
         UPDATE jobs SET attempt_id = (SELECT t.id FROM attempts t WHERE t.job_id = jobs.id);
         INSERT INTO outputs (attempt_id, stream, start, data) SELECT id, 1, 0, {data} FROM attempts;
         INSERT INTO workflows (id, tenant_id, name, description, draft, digest, created_us, created_by, updated_us, updated_by)
         VALUES ({NUMBER}, {NUMBER}, 'w', '', '{{}}', 'd', 0, 'x', 0, 'x');
         INSERT INTO instances (id, tenant_id, workflow_id, version, workflow, state, machine, definition, digest, inputs,
                                starter_id, started_by, created_us)
         {agents} SELECT i, {NUMBER}, {NUMBER}, 1, 'w', 'running', '{{}}', '{{}}', 'd', '{{}}', 1, 'x', 0 FROM n WHERE i <= 100;
         INSERT INTO step_runs (instance_id, run, step, cause, outcome, began_us, result)
         {payloads} SELECT {NUMBER} + (i - 1) / 1000, i % 1000, 'step ' || (i % 7), '{{}}', 'x', 0, 'x' FROM n;
         INSERT INTO audit (id, tenant_id, at_us, actor, action, object, outcome, chain)
         {jobs} SELECT i - 10000, {NUMBER}, i, 'user:1', 'x', 'job:' || i, 'done', CASE WHEN i < 19990 THEN i END
         FROM n{analyze}"
    ))
    .await;
}
