//! People, roles, sessions, API tokens, organizations.

mod organizations;
mod sessions;
mod tokens;
mod users;

pub use organizations::{
    Department, Organization, department_create, department_find, department_list, organization_create,
    organization_find, organization_first, organization_list, organization_update, tenant_create,
    tenant_exists,
};
pub use sessions::{expired_forget, session_create, session_delete, session_find, sessions_end};
pub use tokens::{
    NewToken, Token, token_by_hash, token_create, token_delete, token_find, token_list, token_used,
};
pub use users::{
    Binding, NewUser, User, UserFilter, binding_create, binding_delete, binding_list, password_change,
    user_by_name, user_count, user_create, user_delete, user_find, user_list, user_signed_in, user_update,
    user_with_bindings, users_with,
};
