//! The rooms from outside: HTTP in, HTTP out, agents that speak the real protocol, a clock that stands still
//! until a test moves it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where it stood")]

mod actions;
mod agents;
mod audit;
mod authorization;
mod dump;
mod early;
mod identity;
mod jobs;
mod notify;
mod openapi;
mod protocol;
mod schedules;
mod scripts;
mod system;
mod workflows;

use postern_api::Page;
use postern_testkit::client::{Client, Error};

/// Declares tests that run on SQLite and on PostgreSQL; each gets a server of its own.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(postern_testkit::TestServer::on(postern_testkit::Database::Sqlite).await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(postern_testkit::TestServer::on(postern_testkit::Database::Postgres).await).await;
            })+
        }
    };
}
pub(crate) use on_both_databases;

/// Status and code of a refused call.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> (u16, String) {
    let error = result.expect_err("a refusal");
    let problem = error.problem().unwrap_or_else(|| panic!("{error:?}"));
    assert!(problem.detail.len() > 10, "{problem:?} tells too little");
    (problem.status, problem.code.clone())
}

/// A refusal as it is compared in tests.
fn no(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// The field that a request was refused for.
#[track_caller]
fn wrong_field<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.expect_err("a refusal");
    let problem = error.problem().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!(
        (problem.status, &*problem.code),
        (422, "invalid_request"),
        "{problem:?}"
    );
    problem.errors.first().expect("a field is named").field.clone()
}

/// The query of a list with these filters.
fn filtered(pairs: &[(&str, &str)]) -> postern_api::ListRequest {
    postern_api::ListRequest {
        filter: pairs
            .iter()
            .map(|(field, value)| ((*field).to_owned(), (*value).to_owned()))
            .collect(),
        ..Default::default()
    }
}

/// Actions in the audit trail of one object, oldest first.
async fn actions_on(admin: &Client, object: &str) -> Vec<String> {
    let page: Page<_> = admin.audit_list(&filtered(&[("object", object)])).await.unwrap();
    page.items.into_iter().rev().map(|record| record.action).collect()
}
