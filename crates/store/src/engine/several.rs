//! Several operations on PostgreSQL: together where they can be, else each in a transaction of its own.

use std::{pin::pin, time::Duration};

use futures_util::{StreamExt as _, future::BoxFuture, stream};
use tokio::time::Instant;

use super::{
    Access, Tx,
    postgres::{DEADLINE, Postgres, text_of},
    together,
};
use crate::Error;

/// Several that share one are quick, or are done one by one.
const TOGETHER_DEADLINE: Duration = Duration::from_secs(1);
/// Of several, those without which the others are tried together again.
const LEFT_OUT: usize = 3;
/// Of several writes that are not done together.
const SIDE_BY_SIDE: usize = 4;

/// What came of several operations in one transaction.
enum Together<T> {
    Kept(Vec<T>),
    /// Nothing is kept because of the one at this place.
    Hindered(usize),
    /// Nothing is kept, or nobody knows.
    Failed,
    /// Nothing was done: there is no connection to be had.
    Away(String),
}

/// For a row that somebody else keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Short,
    Long,
}

impl Postgres {
    /// All of them in one transaction; where that is not to be had, each in its own.
    pub(crate) async fn run_together<T, E, F>(
        &self,
        access: Access,
        operations: Vec<F>,
        mut answer: impl FnMut(usize, Result<T, E>),
    ) where
        E: From<Error>,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Clone,
    {
        let mut rest: Vec<(usize, F)> = operations.into_iter().enumerate().collect();
        let mut alone = Vec::new();
        while rest.len() > 1 && alone.len() < LEFT_OUT {
            let all = rest.iter().map(|(_, operation)| operation.clone()).collect();
            match self.together(access, all).await {
                Together::Kept(results) => {
                    for ((number, _), result) in rest.drain(..).zip(results) {
                        answer(number, Ok(result));
                    }
                }
                Together::Hindered(place) => alone.push(rest.remove(place)),
                Together::Failed => break,
                Together::Away(text) => {
                    for (number, _) in rest.into_iter().chain(alone) {
                        answer(number, Err(E::from(Error::Unreachable(text.clone()))));
                    }
                    return;
                }
            }
        }
        alone.append(&mut rest);
        // Those that wait for somebody else come last, and hold up nobody.
        let waiting = self.each(access, Wait::Short, alone, &mut answer).await;
        self.each(access, Wait::Long, waiting, &mut answer).await;
    }

    async fn together<T, E, F>(&self, access: Access, operations: Vec<F>) -> Together<T>
    where
        E: From<Error>,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>>,
    {
        let mut session = match self.session(access).await {
            Ok(session) => session.for_several(),
            Err(error) => return Together::Away(error.to_string()),
        };
        let work = async {
            match together::run(&mut session, &self.forms, access, operations).await {
                Ok(all) => match session.commit().await {
                    Ok(()) => Together::Kept(all),
                    Err(error) => {
                        tracing::info!(?error, "several operations together were not committed");
                        Together::Failed
                    }
                },
                Err(place) => {
                    if let Err(error) = session.rollback().await {
                        tracing::warn!(error = text_of(&error), "rollback failed");
                    }
                    place.map_or(Together::Failed, Together::Hindered)
                }
            }
        };
        match tokio::time::timeout(TOGETHER_DEADLINE, work).await {
            Ok(outcome) => outcome,
            Err(_) => {
                tracing::info!("several operations together took too long");
                self.give_up(session);
                Together::Failed
            }
        }
    }

    /// Each in a transaction of its own, a few at the same time. Returns those that would have to wait longer.
    async fn each<T, E, F>(
        &self,
        access: Access,
        wait: Wait,
        operations: Vec<(usize, F)>,
        answer: &mut impl FnMut(usize, Result<T, E>),
    ) -> Vec<(usize, F)>
    where
        E: From<Error>,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Clone,
    {
        let until = Instant::now() + DEADLINE;
        let each = operations.into_iter().map(async |(number, operation)| {
            let result = if Instant::now() < until {
                self.one_of_several(access, wait, operation.clone()).await
            } else {
                Some(Err(E::from(Error::Deadline)))
            };
            (number, operation, result)
        });
        let mut each = pin!(stream::iter(each).buffer_unordered(SIDE_BY_SIDE));
        let mut waiting = Vec::new();
        while let Some((number, operation, result)) = each.next().await {
            match result {
                Some(result) => answer(number, result),
                None => waiting.push((number, operation)),
            }
        }
        waiting
    }

    /// `None`: somebody else keeps a row that it needs, and it is not to wait for long.
    async fn one_of_several<T, E, F>(&self, access: Access, wait: Wait, operation: F) -> Option<Result<T, E>>
    where
        E: From<Error>,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>>,
    {
        if wait == Wait::Long {
            return Some(self.run(access, DEADLINE, operation).await);
        }
        let session = match self.session(access).await {
            Ok(session) => session.for_several(),
            Err(error) => return Some(Err(E::from(error))),
        };
        let (result, kept_out) = self.run_on(session, access, DEADLINE, operation).await;
        (!kept_out).then_some(result)
    }
}
