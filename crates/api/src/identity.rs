//! People, sessions, API tokens, roles, organizations.

use postern_domain::{
    BindingId, DepartmentId, OrganizationId, TenantId, Timestamp, TokenId, UserId,
    permission::{Permission, Role, Scope},
};

crate::wire! {
    pub struct SessionCreate {
        pub username: String,
        pub password: String,
    }

    /// One's own password. It ends all of one's sessions.
    pub struct PasswordChange {
        pub current_password: String,
        pub new_password: String,
    }

    /// The caller. A browser session's `csrf_token` goes into the header `X-CSRF-Token` of every change.
    pub struct Session {
        pub user: User,
        /// Every permission held anywhere; what the UI uses to disable what cannot be done.
        pub permissions: Vec<Permission>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub csrf_token: Option<String>,
        /// When the session or token ends.
        pub expires_at: Timestamp,
    }

    pub struct User {
        pub id: UserId,
        pub tenant_id: TenantId,
        pub username: String,
        pub display_name: String,
        /// Where messages for them go.
        pub email: Option<String>,
        pub active: bool,
        pub created_at: Timestamp,
        pub last_sign_in_at: Option<Timestamp>,
        pub bindings: Vec<Binding>,
    }

    #[serde(deny_unknown_fields)]
    pub struct UserCreate {
        pub username: String,
        /// At least 12 characters.
        pub password: String,
        #[serde(default)]
        pub display_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub email: Option<String>,
        #[serde(default)]
        pub bindings: Vec<BindingCreate>,
    }

    /// Absent fields stay as they are.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct UserUpdate {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub display_name: Option<String>,
        /// Empty: none any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub email: Option<String>,
        /// Switching a user off ends their sessions and tokens at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub active: Option<bool>,
        /// A new password ends the user's sessions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub password: Option<String>,
    }

    /// A role at a scope.
    pub struct Binding {
        pub id: BindingId,
        pub role: Role,
        pub scope: Scope,
    }

    #[serde(deny_unknown_fields)]
    pub struct BindingCreate {
        pub role: Role,
        pub scope: Scope,
    }

    pub struct RoleDescription {
        pub role: Role,
        pub permissions: Vec<Permission>,
    }

    /// An API token, without its secret.
    pub struct Token {
        pub id: TokenId,
        pub name: String,
        pub user_id: UserId,
        pub username: String,
        /// `null`: everything its user may do.
        pub permissions: Option<Vec<Permission>>,
        pub created_at: Timestamp,
        pub expires_at: Timestamp,
        pub last_used_at: Option<Timestamp>,
    }

    #[serde(deny_unknown_fields)]
    pub struct TokenCreate {
        pub name: String,
        /// Only these, of what its user may do. Absent: everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub permissions: Option<Vec<Permission>>,
        /// 1 to 365; 90 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub expires_in_days: Option<u32>,
    }

    pub struct TokenCreated {
        pub token: Token,
        /// Shown once.
        pub secret: String,
    }

    pub struct Organization {
        pub id: OrganizationId,
        pub tenant_id: TenantId,
        pub name: String,
        /// Whether agents renew their credentials by themselves.
        pub renew_credentials: bool,
        pub departments: Vec<Department>,
    }

    #[serde(deny_unknown_fields)]
    pub struct OrganizationCreate {
        pub name: String,
    }

    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct OrganizationUpdate {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub renew_credentials: Option<bool>,
    }

    pub struct Department {
        pub id: DepartmentId,
        pub name: String,
    }

    #[serde(deny_unknown_fields)]
    pub struct DepartmentCreate {
        pub name: String,
    }
}
