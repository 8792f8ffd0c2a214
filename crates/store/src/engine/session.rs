//! One transaction on a connection of the pool, with as few round trips as the protocol allows.
//!
//! It begins together with its first statement, without waiting for the answer to BEGIN. One that only reads is over
//! when its last statement is: the answer to its COMMIT is nobody's, and the next user's statements come after it.

use deadpool_postgres::Object;
use futures_util::{FutureExt as _, TryStreamExt as _, future::join};
use tokio_postgres::{Error, Row};

use super::{Access, Value};

pub(crate) struct Session {
    /// There until the session ends.
    client: Option<Object>,
    access: Access,
    begun: bool,
}

impl Session {
    pub(super) const fn new(client: Object, access: Access) -> Self {
        Self {
            client: Some(client),
            access,
            begun: false,
        }
    }

    /// Rows changed.
    pub(super) async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        let statement = self.client().prepare_cached(sql).await?;
        self.after_begin(async |client| client.execute_raw(&statement, values).await)
            .await
    }

    pub(super) async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let statement = self.client().prepare_cached(sql).await?;
        self.after_begin(async |client| client.query_raw(&statement, values).await?.try_collect().await)
            .await
    }

    pub(super) async fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.after_begin(async |client| client.batch_execute(sql).await)
            .await
    }

    /// What is polled first is sent first, and the server does it first.
    async fn after_begin<T>(
        &mut self,
        statement: impl AsyncFnOnce(&Object) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if std::mem::replace(&mut self.begun, true) {
            return statement(self.client()).await;
        }
        let begin = match self.access {
            Access::Write => "BEGIN",
            Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        };
        let client = self.client();
        let (begun, result) = join(client.batch_execute(begin), statement(client)).await;
        begun?;
        result
    }

    pub(super) async fn commit(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.begun) {
            let commit = self.client().batch_execute("COMMIT");
            match self.access {
                Access::Write => return commit.await,
                // Sent by the first look at it. If that fails the connection is gone, which the next user sees.
                Access::Read => drop(commit.now_or_never()),
            }
        }
        Ok(())
    }

    pub(super) async fn rollback(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.begun) {
            return self.client().batch_execute("ROLLBACK").await;
        }
        Ok(())
    }

    /// Takes the connection away, which is not used again.
    pub(super) fn abandon(mut self) -> Object {
        self.begun = false;
        self.client.take().expect("there until the session ends")
    }

    fn client(&self) -> &Object {
        self.client.as_ref().expect("there until the session ends")
    }
}

impl Drop for Session {
    /// Whoever waited for it has gone away in the middle: the server takes back what a connection that ends has begun.
    fn drop(&mut self) {
        if let Some(client) = self.client.take_if(|_| self.begun) {
            drop(Object::take(client));
        }
    }
}
