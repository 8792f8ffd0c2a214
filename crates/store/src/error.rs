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
    /// Also what an operation gets that reports success over a statement that failed.
    #[error("an earlier statement of the transaction failed, so nothing of it is kept")]
    Aborted,
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
    /// Whether it took too long.
    pub fn is_deadline(&self) -> bool {
        match self {
            Self::Deadline => true,
            Self::Shared(error) => error.is_deadline(),
            _ => false,
        }
    }

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
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::CannotOpen => {
                    Self::Unreachable(text)
                }
                _ => Self::Statement(error.to_string()),
            };
        }
        Self::Statement(error.to_string())
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = text_of(&error);
        match error.code().map(tokio_postgres::error::SqlState::code) {
            None => Self::Unreachable(text),
            Some("23505") => Self::Duplicate(text),
            Some("53100") => Self::DiskFull,
            Some(code) if passes(code) => Self::Unreachable(text),
            Some(_) => Self::Statement(text),
        }
    }
}

/// Whether a refusal of PostgreSQL is about the moment and not about the statement; codes are those of its
/// manual, appendix A.
fn passes(code: &str) -> bool {
    // Connection exceptions, insufficient resources, operator intervention (a server that stops or starts, a
    // cancelled statement), transactions that met another one.
    const CLASSES: [&str; 4] = ["08", "53", "57", "40"];
    // A lock that was not to be had in time; a transaction that idled too long.
    const CODES: [&str; 2] = ["55P03", "25P03"];
    CLASSES.iter().any(|class| code.starts_with(class)) || CODES.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_stops_is_another_thing_than_a_wrong_statement() {
        for code in [
            "57P01", "57P03", "08006", "53300", "40P01", "57014", "55P03", "25P03",
        ] {
            assert!(passes(code), "{code}");
        }
        for code in ["42601", "23503", "22003", "25P02", "42P01"] {
            assert!(!passes(code), "{code}");
        }
    }

    #[test]
    fn a_shared_error_is_as_transient_as_the_one_inside() {
        assert!(Error::Shared(Arc::new(Error::DiskFull)).is_transient());
        assert!(!Error::Shared(Arc::new(Error::Statement(String::new()))).is_transient());
    }
}
