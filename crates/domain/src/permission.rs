//! Who may do what (spec 8): permissions, built-in roles, scopes, and the one decision over them.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{DepartmentId, OrganizationId, TenantId};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {name:?}: use one of {known}")]
pub struct UnknownName {
    what: &'static str,
    name: String,
    known: String,
}

/// Declares an enum whose texts are the words of the spec.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($variant:ident = $text:tt),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        pub enum $name { $(#[serde(rename = $text)] $variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;
            fn from_str(text: &str) -> Result<Self, UnknownName> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or_else(|| UnknownName {
                    what: $what,
                    name: text.to_owned(),
                    known: Self::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

words! {
    /// The permissions that some operation of this version asks for. `agents.install` does not include `agents.view`.
    Permission, "permission" {
        JobsView = "jobs.view",
        JobsManage = "jobs.manage",
        ScriptsView = "scripts.view",
        ScriptsManage = "scripts.manage",
        WorkflowsView = "workflows.view",
        WorkflowsManage = "workflows.manage",
        AgentsView = "agents.view",
        AgentsManage = "agents.manage",
        AgentsInstall = "agents.install",
        AuditView = "audit.view",
        UsersManage = "users.manage",
        SettingsManage = "settings.manage",
    }
}

words! {
    /// The built-in roles; they cannot be changed.
    Role, "role" {
        SiteAdministrator = "site_administrator",
        CustomerSupport = "customer_support",
        TenantOwner = "tenant_owner",
        Administrator = "administrator",
        Operator = "operator",
        Approver = "approver",
        Auditor = "auditor",
        AgentInstaller = "agent_installer",
    }
}

impl Role {
    pub fn permissions(self) -> &'static [Permission] {
        use Permission::{
            AgentsInstall, AgentsManage, AgentsView, AuditView, JobsManage, JobsView, ScriptsManage,
            ScriptsView, WorkflowsManage, WorkflowsView,
        };
        match self {
            Self::SiteAdministrator | Self::TenantOwner | Self::Administrator => Permission::ALL,
            Self::CustomerSupport => &[JobsView, ScriptsView, WorkflowsView, AgentsView, AuditView],
            Self::Operator => &[
                JobsView,
                JobsManage,
                ScriptsView,
                ScriptsManage,
                WorkflowsView,
                WorkflowsManage,
                AgentsView,
                AgentsManage,
            ],
            Self::Approver => &[JobsView, ScriptsView, WorkflowsView, WorkflowsManage, AgentsView],
            Self::Auditor => &[JobsView, ScriptsView, WorkflowsView, AgentsView, AuditView],
            Self::AgentInstaller => &[AgentsView, AgentsInstall],
        }
    }

    /// Where the role may be bound. A cluster-wide role in a tenant, or the reverse, is refused.
    pub fn bindable_at(self, scope: Scope) -> bool {
        match self {
            Self::SiteAdministrator | Self::CustomerSupport => scope == Scope::Cluster,
            Self::TenantOwner => matches!(scope, Scope::Tenant(_)),
            _ => scope != Scope::Cluster,
        }
    }
}

/// Where a binding holds. A wider scope contains the narrower ones below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Scope {
    Cluster,
    Tenant(TenantId),
    Organization(OrganizationId),
    Department(DepartmentId),
}

/// Where an object lives; every object lies in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub tenant: TenantId,
    pub organization: Option<OrganizationId>,
    pub department: Option<DepartmentId>,
}

impl Place {
    pub const fn tenant(tenant: TenantId) -> Self {
        Self {
            tenant,
            organization: None,
            department: None,
        }
    }

    pub const fn organization(tenant: TenantId, organization: OrganizationId) -> Self {
        Self {
            tenant,
            organization: Some(organization),
            department: None,
        }
    }
}

impl Scope {
    pub fn contains(self, place: Place) -> bool {
        match self {
            Self::Cluster => true,
            Self::Tenant(id) => place.tenant == id,
            Self::Organization(id) => place.organization == Some(id),
            Self::Department(id) => place.department == Some(id),
        }
    }
}

/// The sum of a caller's bindings, cut down to what their API token allows.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    grants: Vec<(Scope, Role)>,
    /// `None`: everything the roles give. `Some`: a token that carries only these.
    only: Option<BTreeSet<Permission>>,
}

/// The places at which a permission holds, for list queries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    pub everywhere: bool,
    pub tenants: Vec<TenantId>,
    pub organizations: Vec<OrganizationId>,
    pub departments: Vec<DepartmentId>,
}

impl Reach {
    pub fn is_empty(&self) -> bool {
        !self.everywhere
            && self.tenants.is_empty()
            && self.organizations.is_empty()
            && self.departments.is_empty()
    }
}

impl Rights {
    pub fn new(grants: Vec<(Scope, Role)>, only: Option<BTreeSet<Permission>>) -> Self {
        Self { grants, only }
    }

    /// The one decision: may the caller do this to an object at this place?
    pub fn allow(&self, permission: Permission, place: Place) -> bool {
        self.scopes(permission).any(|scope| scope.contains(place))
    }

    /// Whether there is any place at all where the caller holds the permission.
    pub fn allow_somewhere(&self, permission: Permission) -> bool {
        self.scopes(permission).next().is_some()
    }

    /// Whether one of the roles that hold at this place is this one.
    pub fn holds(&self, role: Role, place: Place) -> bool {
        let held = |(scope, held): &(Scope, Role)| *held == role && scope.contains(place);
        self.grants.iter().any(held)
    }

    pub fn reach(&self, permission: Permission) -> Reach {
        let mut reach = Reach::default();
        for scope in self.scopes(permission) {
            match scope {
                Scope::Cluster => reach.everywhere = true,
                Scope::Tenant(id) => reach.tenants.push(id),
                Scope::Organization(id) => reach.organizations.push(id),
                Scope::Department(id) => reach.departments.push(id),
            }
        }
        reach
    }

    /// Every permission held somewhere: what the UI uses to disable what cannot be done.
    pub fn held(&self) -> Vec<Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(|p| self.allow_somewhere(*p))
            .collect()
    }

    fn scopes(&self, permission: Permission) -> impl Iterator<Item = Scope> + '_ {
        let open = self.only.as_ref().is_none_or(|only| only.contains(&permission));
        self.grants
            .iter()
            .filter(move |(_, role)| open && role.permissions().contains(&permission))
            .map(|(scope, _)| *scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place = Place {
        tenant: TenantId(1),
        organization: Some(OrganizationId(10)),
        department: Some(DepartmentId(100)),
    };

    fn check(scope: Scope, role: Role, permission: Permission, place: Place, expected: bool) {
        let rights = Rights::new(vec![(scope, role)], None);
        assert_eq!(
            rights.allow(permission, place),
            expected,
            "{role} at {scope:?}: {permission} at {place:?}"
        );
    }

    #[test]
    fn a_wider_scope_contains_the_narrower_and_nothing_else() {
        for scope in [
            Scope::Cluster,
            Scope::Tenant(TenantId(1)),
            Scope::Organization(OrganizationId(10)),
            Scope::Department(DepartmentId(100)),
        ] {
            check(scope, Role::Operator, Permission::JobsManage, HERE, true);
        }
        check(
            Scope::Tenant(TenantId(2)),
            Role::Operator,
            Permission::JobsManage,
            HERE,
            false,
        );
        check(
            Scope::Organization(OrganizationId(11)),
            Role::Operator,
            Permission::JobsManage,
            HERE,
            false,
        );
        check(
            Scope::Department(DepartmentId(101)),
            Role::Operator,
            Permission::JobsManage,
            HERE,
            false,
        );
        let beside = Place {
            department: None,
            ..HERE
        };
        check(
            Scope::Department(DepartmentId(100)),
            Role::Operator,
            Permission::JobsManage,
            beside,
            false,
        );
    }

    #[test]
    fn roles_give_what_the_spec_says() {
        let tenant = Scope::Tenant(TenantId(1));
        check(tenant, Role::Auditor, Permission::AuditView, HERE, true);
        check(tenant, Role::Auditor, Permission::JobsManage, HERE, false);
        check(
            tenant,
            Role::AgentInstaller,
            Permission::AgentsInstall,
            HERE,
            true,
        );
        check(
            tenant,
            Role::AgentInstaller,
            Permission::AgentsManage,
            HERE,
            false,
        );
        check(tenant, Role::Operator, Permission::UsersManage, HERE, false);
        check(tenant, Role::TenantOwner, Permission::UsersManage, HERE, true);
        check(
            Scope::Cluster,
            Role::CustomerSupport,
            Permission::JobsManage,
            HERE,
            false,
        );
    }

    #[test]
    fn rights_add_up_and_a_token_only_takes_away() {
        let grants = vec![
            (Scope::Organization(OrganizationId(10)), Role::Auditor),
            (Scope::Tenant(TenantId(2)), Role::Operator),
        ];
        let rights = Rights::new(grants.clone(), None);
        assert!(rights.allow(Permission::AuditView, HERE));
        assert!(rights.allow(Permission::JobsManage, Place::tenant(TenantId(2))));
        assert!(!rights.allow(Permission::JobsManage, HERE));
        let token = Rights::new(
            grants,
            Some(BTreeSet::from([Permission::JobsView, Permission::UsersManage])),
        );
        assert!(token.allow(Permission::JobsView, HERE));
        assert!(!token.allow(Permission::AuditView, HERE));
        assert!(
            !token.allow(Permission::UsersManage, HERE),
            "a token cannot add rights"
        );
        assert_eq!(
            token.reach(Permission::JobsView).organizations,
            [OrganizationId(10)]
        );
        assert_eq!(token.reach(Permission::JobsView).tenants, [TenantId(2)]);
        assert!(token.reach(Permission::AuditView).is_empty());
    }

    #[test]
    fn roles_are_bound_only_where_they_make_sense() {
        assert!(Role::SiteAdministrator.bindable_at(Scope::Cluster));
        assert!(!Role::SiteAdministrator.bindable_at(Scope::Tenant(TenantId(1))));
        assert!(!Role::TenantOwner.bindable_at(Scope::Organization(OrganizationId(1))));
        assert!(Role::Operator.bindable_at(Scope::Department(DepartmentId(1))));
        assert!(!Role::Operator.bindable_at(Scope::Cluster));
    }

    #[test]
    fn every_word_reads_back_and_an_unknown_one_lists_the_known() {
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse::<Permission>().unwrap(), *permission);
        }
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), *role);
        }
        let error = "root".parse::<Role>().unwrap_err().to_string();
        assert!(
            error.contains("site_administrator") && error.contains("\"root\""),
            "{error}"
        );
    }
}
