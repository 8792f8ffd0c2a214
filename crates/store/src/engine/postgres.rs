//! PostgreSQL: a pool of connections; every call has a deadline.

use std::{error::Error as StdError, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use futures_util::future::BoxFuture;
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

use super::{Row, Tx, Value};
use crate::Error;

/// Longest time one transaction may take; a longer one has an unknown outcome.
const DEADLINE: Duration = Duration::from_secs(15);
/// Longest wait for a free connection.
const POOL_WAIT: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 24;

#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool,
    url: String,
}

impl Postgres {
    pub(crate) fn open(url: &str) -> Result<Self, Error> {
        let config: tokio_postgres::Config = url.parse()?;
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_config(config, tls(), recycling);
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .wait_timeout(Some(POOL_WAIT))
            .create_timeout(Some(POOL_WAIT))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| Error::Unreachable(error.to_string()))?;
        Ok(Self {
            pool,
            url: url.to_owned(),
        })
    }

    pub(crate) async fn run<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        T: Send,
        E: From<Error> + Send,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send,
    {
        let work = async {
            let mut client = self
                .pool
                .get()
                .await
                .map_err(|error| Error::Unreachable(text_of(&error)))?;
            let transaction = client.transaction().await.map_err(Error::from)?;
            let result = operation(&mut Tx::postgres(&transaction)).await;
            match &result {
                Ok(_) => transaction.commit().await.map_err(Error::from)?,
                Err(_) => transaction.rollback().await.map_err(Error::from)?,
            }
            result
        };
        tokio::time::timeout(DEADLINE, work)
            .await
            .map_err(|_| E::from(Error::Deadline))?
    }

    /// A connection of its own that hears `NOTIFY`; its messages end when the connection does.
    pub(crate) async fn listen(&self, channel: &str) -> Result<tokio::sync::mpsc::Receiver<String>, Error> {
        let (client, mut connection) = tokio_postgres::connect(&self.url, tls()).await?;
        let (sender, receiver) = tokio::sync::mpsc::channel(256);
        let statement = format!("LISTEN {channel}");
        tokio::spawn(async move {
            let listen = async { client.batch_execute(&statement).await };
            let pump = async {
                while let Some(message) =
                    std::future::poll_fn(|context| connection.poll_message(context)).await
                {
                    match message {
                        Ok(tokio_postgres::AsyncMessage::Notification(note)) => {
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
            let keep = async {
                if listen.await.is_ok() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! { () = pump => {}, () = keep => {} }
        });
        Ok(receiver)
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

pub(super) async fn execute(
    transaction: &deadpool_postgres::Transaction<'_>,
    sql: &str,
    values: &[Value],
) -> Result<u64, Error> {
    let statement = transaction.prepare_cached(sql).await?;
    Ok(transaction.execute_raw(&statement, values).await?)
}

pub(super) async fn query(
    transaction: &deadpool_postgres::Transaction<'_>,
    sql: &str,
    values: &[Value],
) -> Result<Vec<Row>, Error> {
    use futures_util::TryStreamExt as _;
    let statement = transaction.prepare_cached(sql).await?;
    let rows: Vec<tokio_postgres::Row> = transaction
        .query_raw(&statement, values)
        .await?
        .try_collect()
        .await?;
    rows.iter().map(read_row).collect()
}

fn read_row(row: &tokio_postgres::Row) -> Result<Row, Error> {
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
