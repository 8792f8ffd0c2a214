//! Who is meant where people are named: `role:operator` for everybody who holds a role there, `user:5` for one person.

use std::{fmt, str::FromStr};

use crate::{
    UserId,
    permission::{Place, Rights, Role},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    Role(Role),
    User(UserId),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    #[error("names neither a role nor a user: give role:NAME or user:ID")]
    Form,
    #[error("{0}")]
    Role(String),
}

impl Member {
    /// Whether a user is meant, for an object that lies at this place.
    pub fn is(self, user: UserId, rights: &Rights, place: Place) -> bool {
        match self {
            Self::Role(role) => rights.holds(role, place),
            Self::User(id) => id == user,
        }
    }
}

impl FromStr for Member {
    type Err = MemberError;
    fn from_str(text: &str) -> Result<Self, MemberError> {
        match text.split_once(':') {
            // As administrators are called for short.
            Some(("role", "admin")) => Ok(Self::Role(Role::Administrator)),
            Some(("role", name)) => name
                .parse()
                .map(Self::Role)
                .map_err(|error: crate::permission::UnknownName| MemberError::Role(error.to_string())),
            Some(("user", id)) => id.parse().map(Self::User).map_err(|_| MemberError::Form),
            _ => Err(MemberError::Form),
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => write!(f, "role:{role}"),
            Self::User(id) => write!(f, "user:{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OrganizationId, TenantId, permission::Scope};

    #[test]
    fn members_are_read_and_written_alike() {
        for text in ["role:operator", "role:tenant_owner", "user:5"] {
            assert_eq!(
                text.parse::<Member>().map(|member| member.to_string()).as_deref(),
                Ok(text)
            );
        }
        for (text, problem) in [
            ("", "role:NAME or user:ID"),
            ("operator", "role:NAME or user:ID"),
            ("user:anna", "role:NAME or user:ID"),
            ("group:x", "role:NAME or user:ID"),
            ("role:boss", "unknown role"),
        ] {
            let error = text.parse::<Member>().map_err(|error| error.to_string());
            assert!(
                error.as_ref().is_err_and(|error| error.contains(problem)),
                "{text}: {error:?}"
            );
        }
    }

    #[test]
    fn a_role_counts_where_it_is_held() {
        let rights = Rights::new(
            vec![(Scope::Organization(OrganizationId(1)), Role::Operator)],
            None,
        );
        let place = |organization| Place::organization(TenantId(1), OrganizationId(organization));
        for (member, organization, is) in [
            (Member::Role(Role::Operator), 1, true),
            (Member::Role(Role::Operator), 2, false),
            (Member::Role(Role::Auditor), 1, false),
            (Member::User(UserId(5)), 2, true),
            (Member::User(UserId(6)), 1, false),
        ] {
            assert_eq!(
                member.is(UserId(5), &rights, place(organization)),
                is,
                "{member} {organization}"
            );
        }
    }
}
