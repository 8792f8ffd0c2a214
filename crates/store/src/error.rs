//! What can go wrong in the database.

use std::sync::Arc;

use crate::engine::postgres::text_of;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database URL must start with sqlite:// or postgres://")]
    Url,
    #[error("no such row")]
    NotFound,
    /// A row with the same unique columns is there already.
    #[error("already there: {0}")]
    Duplicate(String),
    #[error("the database is not reachable: {0}")]
    Unreachable(String),
    #[error("the database did not answer in time; whether the change happened is unknown")]
    Deadline,
    #[error("the disk of the database is full")]
    DiskFull,
    #[error("the database is shutting down")]
    Closed,
    #[error("the database refused a statement: {0}")]
    Statement(String),
    #[error("unexpected data in the database: {0}")]
    Shape(String),
    #[error("an operation waited for something else inside a transaction")]
    WaitedInTransaction,
    #[error("an operation panicked inside a transaction")]
    Panicked,
    #[error("the cursor is not one this list gave out")]
    Cursor,
    #[error("migration {name}: {problem}")]
    Migration { name: String, problem: String },
    #[error("the transaction could not be committed: {0}")]
    Shared(Arc<Error>),
    #[error("cannot start the database's writer")]
    Io(#[source] std::io::Error),
}

impl Error {
    /// Whether the same request may succeed in a moment.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Deadline | Self::DiskFull | Self::Closed => true,
            Self::Shared(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::{ErrorCode, ffi};
        if let rusqlite::Error::SqliteFailure(failure, text) = &error {
            let text = text.clone().unwrap_or_default();
            let unique = [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY];
            return match failure.code {
                ErrorCode::ConstraintViolation if unique.contains(&failure.extended_code) => {
                    Self::Duplicate(text)
                }
                ErrorCode::DiskFull => Self::DiskFull,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Unreachable(text),
                _ => Self::Statement(error.to_string()),
            };
        }
        Self::Statement(error.to_string())
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        use tokio_postgres::error::SqlState;
        match error.code() {
            Some(code) if *code == SqlState::UNIQUE_VIOLATION => Self::Duplicate(text_of(&error)),
            Some(code) if *code == SqlState::DISK_FULL => Self::DiskFull,
            Some(code) if *code == SqlState::T_R_DEADLOCK_DETECTED => Self::Unreachable(text_of(&error)),
            Some(_) => Self::Statement(text_of(&error)),
            None => Self::Unreachable(text_of(&error)),
        }
    }
}
