//! People: users, sessions, API tokens, roles, organizations.

pub(crate) mod bootstrap;
pub(super) mod organizations;
pub(crate) mod places;
pub(super) mod routes;
pub(crate) mod sign_in;
pub(super) mod tokens;
pub(super) mod users;
