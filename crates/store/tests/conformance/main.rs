//! The conformance suite: every public function of the store, with the same expectations on SQLite and on
//! PostgreSQL. A test is an `async fn(TestDatabase)` named once in `on_both_engines!`; one that is not named
//! there is dead code, and the build says so.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test panics where it cannot go on, and owns its database"
)]

mod database;
mod planner;
mod world;

/// Makes two tests of each function, each on a database of its own.
macro_rules! on_both_engines {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                crate::database::on_sqlite(super::$test).await;
            }
        )+}
        on_postgres_alone!($($test),+);
    };
}

/// For what only a database with several writers can get wrong.
macro_rules! on_postgres_alone {
    ($($test:ident),+ $(,)?) => {
        mod on_postgres {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                crate::database::on_postgres(super::$test).await;
            }
        )+}
    };
}

mod actions;
mod agents;
mod agents_lists;
mod agents_places;
mod agents_removal;
mod approvals;
mod audit;
mod blackouts;
mod executions_lists;
mod identity;
mod identity_people;
mod instances;
mod jobs;
mod jobs_attempts;
mod jobs_handing_out;
mod jobs_lists;
mod jobs_removal;
mod locks;
mod outputs;
mod plans;
mod plans_together;
mod postgres_failures;
mod schedules;
mod schema;
mod step_runs;
mod system;
mod together;
mod together_failures;
mod together_rows;
mod together_turns;
mod transactions;
