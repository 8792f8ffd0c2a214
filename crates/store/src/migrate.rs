//! Brings the schema up to date. Migrations are embedded, applied in order, and never change once applied:
//! their digest is checked at every start.

use sha2::{Digest as _, Sha256};

use crate::{Database, Engine, Error, Store, Tx, engine, tx};
use engine::values;

struct Migration {
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($name:literal),+ $(,)?) => {
        &[$(Migration {
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        }),+]
    };
}

const MIGRATIONS: &[Migration] = migrations![
    "0001_initial",
    "0002_executions",
    "0003_scripts",
    "0004_schedules",
    "0005_actions",
    "0006_lists",
    "0007_blackouts",
    "0008_workflows",
    "0009_notify",
    "0010_agents",
    "0011_instances",
    "0012_late_results",
    "0013_workflow_names",
    "0014_removal",
    "0015_job_ends",
    "0016_script_links",
    "0017_triggered_by",
    "0018_approval_work",
    "0019_step_results",
    "0020_agent_removal",
    "0021_attempt_cancels",
    "0022_jobs_ended_badly"
];

/// Keeps two servers from migrating at once on PostgreSQL.
const LOCK: &str = "SELECT 1 FROM pg_advisory_xact_lock(7032417)";
/// A migration has a deadline of its own.
const PATIENCE: &str = "SET LOCAL statement_timeout = 0";

pub(crate) async fn run(store: &Store) -> Result<(), Error> {
    match &store.database {
        Database::Sqlite(sqlite) => sqlite.write(tx!(tx => migrate(tx).await)).await,
        Database::Postgres(postgres) => postgres.migrate(tx!(tx => migrate(tx).await)).await,
    }
}

async fn migrate(tx: &mut Tx<'_>) -> Result<(), Error> {
    if tx.engine() == Engine::Postgres {
        tx.batch(PATIENCE).await?;
        tx.query(LOCK, &[]).await?;
    }
    tx.batch("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, digest TEXT NOT NULL)")
        .await?;
    for migration in MIGRATIONS {
        let sql = match tx.engine() {
            Engine::Sqlite => migration.sqlite,
            Engine::Postgres => migration.postgres,
        };
        let digest = hex(&Sha256::digest(sql.as_bytes()));
        let applied = tx
            .query_opt(
                "SELECT digest FROM migrations WHERE name = $1",
                &values![migration.name],
            )
            .await?;
        match applied.map(|row| row.read::<String>(0)).transpose()? {
            Some(known) if known == digest => {}
            Some(_) => {
                return Err(Error::Migration {
                    name: migration.name.into(),
                    problem:
                        "was applied in another form: this program is not the one that made the database"
                            .into(),
                });
            }
            None => {
                tx.batch(sql).await?;
                let insert = "INSERT INTO migrations (name, digest) VALUES ($1, $2)";
                tx.execute(insert, &values![migration.name, digest]).await?;
            }
        }
    }
    let newest = MIGRATIONS.last().map_or("", |migration| migration.name);
    let newer = "SELECT name FROM migrations WHERE name > $1 ORDER BY name DESC LIMIT 1";
    match tx.query_opt(newer, &values![newest]).await? {
        Some(row) => Err(Error::Migration {
            name: row.read(0)?,
            problem: "was applied by a newer version: start that version".into(),
        }),
        None => Ok(()),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
