//! People: signing in, sessions, tokens, roles. Who sees whom stands in `authorization`.

mod roles;
mod sessions;
mod tokens;

use postern_api::identity::{SessionCreate, User, UserCreate};
use postern_domain::permission::{Role, Scope};
use postern_testkit::client::{Client, Credentials, Error, SignedIn};
use postern_testkit::{TestServer, key};

const PASSWORD: &str = "a long enough password";

fn new_user(name: &str, bindings: &[(Role, Scope)]) -> UserCreate {
    let binding = |(role, scope): &(Role, Scope)| postern_api::identity::BindingCreate {
        role: *role,
        scope: *scope,
    };
    UserCreate {
        username: name.into(),
        password: PASSWORD.into(),
        display_name: String::new(),
        email: None,
        bindings: bindings.iter().map(binding).collect(),
    }
}

/// A user made by the administrator, with a password.
async fn user(server: &TestServer, name: &str, bindings: &[(Role, Scope)]) -> User {
    server
        .admin()
        .user_create(&new_user(name, bindings), &key())
        .await
        .unwrap()
}

async fn sign_in(server: &TestServer, name: &str, password: &str) -> Result<SignedIn, Error> {
    let anonymous = server.connect(&Credentials::None);
    anonymous
        .session_create(&SessionCreate {
            username: name.into(),
            password: password.into(),
        })
        .await
}

async fn session(server: &TestServer, name: &str) -> Client {
    server.connect(&sign_in(server, name, PASSWORD).await.unwrap().credentials)
}
