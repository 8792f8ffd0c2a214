//! PostgreSQL: a pool of connections; every call has a deadline.

use std::{error::Error as StdError, future::poll_fn, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, QueueMode, RecyclingMethod, Runtime,
};
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{
    AsyncMessage,
    types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use super::{
    Access, Row, Tx, Value,
    session::{Failed, Parameter, Query, Session},
    together::Forms,
};
use crate::Error;

/// Longest time one transaction may take; a longer one has an unknown outcome.
pub(super) const DEADLINE: Duration = Duration::from_secs(15);
/// A migration may rewrite large tables, and waits for one that another server does.
const MIGRATION_DEADLINE: Duration = Duration::from_secs(3600);
/// Longest wait for a free connection.
const POOL_WAIT: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 24;
/// Prepared statements kept per connection; lists with filters make new ones.
const STATEMENTS: usize = 512;
/// Wake-ups that may wait to be heard.
const MESSAGES: usize = 256;
/// What the server enforces when we are not there any more to do it: a statement nobody waits for, and a
/// transaction whose client is gone, do not keep their locks. And how it plans: every statement has an index to go by, while
/// a plan that was kept since the tables were small reads all of them; and none runs for so long that its compilation pays.
const SETTINGS: &str = "SET statement_timeout = '15s'; SET idle_in_transaction_session_timeout = '30s';
                        SET enable_seqscan = off; SET jit = off";
/// A peer that vanished without a word is noticed within this time.
const DEAD_PEER: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool,
    config: Arc<tokio_postgres::Config>,
    pub(super) forms: Arc<Forms>,
}

impl Postgres {
    pub(crate) fn open(url: &str) -> Result<Self, Error> {
        let mut config: tokio_postgres::Config = url.parse()?;
        config.keepalives_idle(DEAD_PEER).tcp_user_timeout(DEAD_PEER);
        config.connect_timeout(POOL_WAIT);
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_config(config.clone(), tls(), recycling);
        let settings = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
            Box::pin(async move { client.batch_execute(SETTINGS).await.map_err(HookError::Backend) })
        });
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            // The one used last has its statements planned, and its server process is warm.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(POOL_WAIT))
            .create_timeout(Some(POOL_WAIT))
            .post_create(settings)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Error::Unreachable(error.to_string()))?;
        let config = Arc::new(config);
        Ok(Self {
            pool,
            config,
            forms: Arc::default(),
        })
    }

    pub(crate) async fn write<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        E: From<Error>,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>>,
    {
        self.run(Access::Write, DEADLINE, operation).await
    }

    /// A read in one snapshot.
    pub(crate) async fn read<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        E: From<Error>,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>>,
    {
        self.run(Access::Read, DEADLINE, operation).await
    }

    pub(crate) async fn look<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        E: From<Error>,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>>,
    {
        self.run(Access::Look, DEADLINE, operation).await
    }

    pub(crate) async fn migrate<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        E: From<Error>,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>>,
    {
        self.run(Access::Write, MIGRATION_DEADLINE, operation).await
    }

    pub(super) async fn run<T, E, F>(&self, access: Access, deadline: Duration, operation: F) -> Result<T, E>
    where
        E: From<Error>,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>>,
    {
        let session = self.session(access).await?;
        self.run_on(session, access, deadline, operation).await.0
    }

    /// With whether it failed over a row that somebody else keeps, where it was not to wait for long.
    pub(super) async fn run_on<T, E, F>(
        &self,
        mut session: Session,
        access: Access,
        deadline: Duration,
        operation: F,
    ) -> (Result<T, E>, bool)
    where
        E: From<Error>,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>>,
    {
        match tokio::time::timeout(deadline, transact(&mut session, access, operation)).await {
            Ok(result) => {
                let kept_out = result.is_err() && session.was_kept_out();
                (result, kept_out)
            }
            Err(_) => {
                self.give_up(session);
                (Err(E::from(Error::Deadline)), false)
            }
        }
    }

    pub(super) async fn session(&self, access: Access) -> Result<Session, Error> {
        let client = self
            .pool
            .get()
            .await
            .map_err(|error| Error::Unreachable(text_of(&error)))?;
        if client.statement_cache.size() > STATEMENTS {
            client.statement_cache.clear();
        }
        Ok(Session::new(client, access))
    }

    /// A connection that did not answer is not used again, and its server is asked to stop what it does.
    pub(super) fn give_up(&self, session: Session) {
        let Some(client) = session.abandon() else { return };
        let cancel = client.cancel_token();
        drop(Object::take(client));
        tokio::spawn(tokio::time::timeout(POOL_WAIT, async move {
            let _ = cancel.cancel_query(tls()).await;
        }));
    }

    /// A connection of its own that hears `NOTIFY` from now on; its messages end when the connection does.
    pub(crate) async fn listen(&self, channel: &str) -> Result<mpsc::Receiver<String>, Error> {
        let (client, mut connection) = self.config.connect(tls()).await?;
        let (sender, receiver) = mpsc::channel(MESSAGES);
        let (ready, listening) = oneshot::channel();
        let statement = format!("LISTEN \"{}\"", channel.replace('"', "\"\""));
        tokio::spawn(async move {
            let pump = async {
                while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                    match message {
                        Ok(AsyncMessage::Notification(note)) => {
                            if sender.send(note.payload().to_owned()).await.is_err() {
                                return;
                            }
                        }
                        Ok(_) => {}
                        Err(error) => {
                            tracing::warn!(error = text_of(&error), "lost the wake-up connection");
                            return;
                        }
                    }
                }
            };
            // The client must live as long as the connection is to be open.
            let listen = async {
                let _ = ready.send(client.batch_execute(&statement).await);
                sender.closed().await;
            };
            tokio::select! { () = pump => {}, () = listen => {} }
        });
        match listening.await {
            Ok(result) => result?,
            Err(_) => return Err(Error::Unreachable("lost the wake-up connection".into())),
        }
        Ok(receiver)
    }
}

async fn transact<T, E, F>(session: &mut Session, access: Access, operation: F) -> Result<T, E>
where
    E: From<Error>,
    F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>>,
{
    let mut tx = Tx::postgres(session, access);
    let result = AssertUnwindSafe(async { operation(&mut tx).await })
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(E::from(Error::Panicked)));
    let result = tx.outcome(result);
    if result.is_ok() {
        session.commit().await.map_err(commit_failed)?;
    } else if let Err(error) = session.rollback().await {
        // The connection is gone, and the transaction with it: what the operation said stands.
        tracing::warn!(error = text_of(&error), "rollback failed");
    }
    result
}

fn commit_failed(failed: Failed) -> Error {
    let error = match failed {
        Failed::Statement(error) => return Error::from(error),
        Failed::Commit(error) => Error::from(error),
    };
    match error {
        Error::Unreachable(text) => Error::Unreachable(format!(
            "whether the change happened is unknown, the commit was not answered: {text}"
        )),
        error => error,
    }
}

fn tls() -> tokio_postgres_rustls::MakeRustlsConnect {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider supports the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    tokio_postgres_rustls::MakeRustlsConnect::new(config)
}

pub(super) async fn query(session: &mut Session, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
    session.query(sql, values).await?.iter().map(read_row).collect()
}

pub(super) async fn query_each(session: &mut Session, queries: &[Query<'_>]) -> Result<Vec<Vec<Row>>, Error> {
    let answers = session.query_each(queries).await?;
    answers
        .iter()
        .map(|rows| rows.iter().map(read_row).collect())
        .collect()
}

pub(super) fn read_row(row: &tokio_postgres::Row) -> Result<Row, Error> {
    let read = row.columns().iter().enumerate().map(|(index, column)| {
        let value = match *column.type_() {
            Type::BOOL => row.try_get::<_, Option<bool>>(index)?.map(Value::Bool),
            Type::INT8 => row.try_get::<_, Option<i64>>(index)?.map(Value::Int),
            Type::INT4 => row
                .try_get::<_, Option<i32>>(index)?
                .map(|number| Value::Int(number.into())),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index)?.map(Value::Bytes),
            Type::TEXT | Type::VARCHAR | Type::NAME => {
                row.try_get::<_, Option<String>>(index)?.map(Value::Text)
            }
            ref other => return Err(Error::Shape(format!("column {index} has type {other}: cast it"))),
        };
        Ok(value.unwrap_or(Value::Null))
    });
    Ok(Row(read.collect::<Result<_, Error>>()?))
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bool(flag) => flag.to_sql_checked(kind, out),
            Self::Int(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql_checked(kind, out),
            Self::Int(number) => number.to_sql_checked(kind, out),
            Self::Text(text) => text.to_sql_checked(kind, out),
            Self::Bytes(bytes) => bytes.to_sql_checked(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl ToSql for Parameter {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::One(value) => value.to_sql(kind, out),
            Self::Array(values) => values.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// An error with the causes its own text hides.
pub(crate) fn text_of(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
