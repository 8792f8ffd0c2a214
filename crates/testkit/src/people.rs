//! People with a role at a scope, and a second tenant, made through the store: quick, and past every rule that
//! is itself to be tested.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use postern_client::{Client, IdempotencyKey};
use postern_domain::{
    DepartmentId, OrganizationId, TenantId, UserId,
    permission::{Permission, Role, Scope},
};
use postern_server::clock::Clock as _;
use postern_store::{identity, tx};

use crate::TestServer;

/// A user with an API token.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: UserId,
    pub name: String,
    pub token: String,
    pub client: Client,
}

/// A tenant with one organization and one department in it.
#[derive(Debug, Clone, Copy)]
pub struct Tenant {
    pub id: TenantId,
    pub organization: OrganizationId,
    pub department: DepartmentId,
}

/// Longer than any test moves the clock.
const TOKEN_LIFETIME: Duration = Duration::from_secs(10 * 365 * 86_400);

impl TestServer {
    /// The tenant `default`, which the first start made, with a department in its organization.
    pub async fn default_tenant(&self) -> Tenant {
        self.write(tx!(tx => {
            let id = TenantId(1);
            let organization = identity::organization_first(tx, id).await?.expect("made at the first start");
            let department = identity::department_create(tx, &organization, "web").await?;
            Ok(Tenant { id, organization: organization.id, department })
        }))
        .await
    }

    pub async fn tenant(&self, name: &'static str) -> Tenant {
        let now = self.clock.now();
        self.write(tx!(tx => {
            let id = identity::tenant_create(tx, name, now).await?;
            let organization = identity::organization_create(tx, id, "main", now).await?;
            let organization = identity::organization_find(tx, organization).await?.expect("just made");
            let department = identity::department_create(tx, &organization, "web").await?;
            Ok(Tenant { id, organization: organization.id, department })
        }))
        .await
    }

    pub async fn organization(&self, tenant: TenantId, name: &'static str) -> OrganizationId {
        let now = self.clock.now();
        self.write(tx!(tx => identity::organization_create(tx, tenant, name, now).await))
            .await
    }

    /// A user of this tenant with roles, who cannot sign in by password.
    pub async fn person(&self, tenant: TenantId, roles: &[(Role, Scope)]) -> Person {
        let (now, roles) = (self.clock.now(), roles.to_vec());
        let name = format!("user-{}", &IdempotencyKey::random().as_str()[..12]);
        let user = identity::NewUser {
            tenant,
            username: name.clone(),
            display_name: String::new(),
            email: None,
            password_hash: "none".into(),
        };
        let id = self
            .write(tx!(tx => {
                let id = identity::user_create(tx, user, now).await?;
                for (role, scope) in roles {
                    identity::binding_create(tx, id, role, scope).await?;
                }
                Ok(id)
            }))
            .await;
        let token = self.token(id, None).await;
        let client = self.client(&token);
        Person {
            id,
            name,
            token,
            client,
        }
    }

    /// Secret of a new API token of a user, with all of their rights or only these.
    pub async fn token(&self, user: UserId, only: Option<&[Permission]>) -> String {
        let secret = format!("pst_{}", IdempotencyKey::random());
        let now = self.clock.now();
        let token = identity::NewToken {
            user,
            name: "test".into(),
            hash: URL_SAFE_NO_PAD.encode(digest(&SHA256, secret.as_bytes())),
            permissions: only.map(|list| serde_json::to_string(list).expect("words")),
            expires: now.plus(TOKEN_LIFETIME),
        };
        self.write(tx!(tx => identity::token_create(tx, token, now).await))
            .await;
        secret
    }
}
