//! API tokens: a part of their user's rights, until a date, ended at once.

use postern_api::{ListRequest, identity::TokenCreate};
use postern_domain::{
    TenantId, TokenId,
    permission::{Permission, Role, Scope},
};
use postern_testkit::client::IdempotencyKey;
use postern_testkit::{TestServer, key};

use crate::{no, refused, wrong_field};

fn new(permissions: Option<&[Permission]>, days: Option<u32>) -> TokenCreate {
    TokenCreate {
        name: "ci".into(),
        permissions: permissions.map(<[_]>::to_vec),
        expires_in_days: days,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_carries_what_it_was_given_until_its_date() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let made = admin
        .token_create(&new(Some(&[Permission::JobsView]), Some(2)), &key())
        .await
        .unwrap();
    assert!(made.secret.starts_with("pst_") && made.secret.len() > 40);
    let token = server.client(&made.secret);
    token.job_list(&ListRequest::default()).await.unwrap();
    assert_eq!(
        refused(token.agent_list(&ListRequest::default()).await),
        no(403, "permission_missing")
    );
    let session = token.session_show().await.unwrap();
    assert_eq!(
        (session.permissions, session.expires_at),
        (vec![Permission::JobsView], made.token.expires_at)
    );
    server.clock.advance_seconds(2 * 86_400 - 1);
    token.session_show().await.unwrap();
    server.clock.advance_seconds(1);
    assert_eq!(refused(token.session_show().await), no(401, "token_invalid"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_ends_at_once_and_its_use_is_noted() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let made = admin.token_create(&new(None, None), &key()).await.unwrap();
    assert_eq!(made.token.last_used_at, None);
    let token = server.client(&made.secret);
    token.session_show().await.unwrap();
    let listed = admin.token_list(&ListRequest::default()).await.unwrap().items;
    let listed = listed
        .into_iter()
        .find(|token| token.id == made.token.id)
        .unwrap();
    assert!(listed.last_used_at.is_some());
    admin.token_delete(made.token.id).await.unwrap();
    assert_eq!(refused(token.session_show().await), no(401, "token_invalid"));
    assert_eq!(
        refused(admin.token_delete(made.token.id).await),
        no(404, "not_found")
    );
    for secret in ["", "pst_", "pst_x", "nonsense"] {
        assert_eq!(
            refused(server.client(secret).session_show().await),
            no(401, "token_invalid"),
            "{secret:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_makes_none_that_is_stronger_than_itself() {
    let server = TestServer::start().await;
    let person = server
        .person(TenantId(1), &[(Role::Operator, Scope::Tenant(TenantId(1)))])
        .await;
    let weak = person
        .client
        .token_create(&new(Some(&[Permission::JobsView]), Some(2)), &key())
        .await
        .unwrap();
    let weak_client = server.client(&weak.secret);
    let wanted = new(Some(&[Permission::JobsManage]), Some(1));
    assert_eq!(
        refused(weak_client.token_create(&wanted, &key()).await),
        no(403, "permission_missing")
    );
    let child = weak_client.token_create(&new(None, None), &key()).await.unwrap();
    assert_eq!(child.token.permissions, Some(vec![Permission::JobsView]));
    assert_eq!(
        child.token.expires_at, weak.token.expires_at,
        "nor one that lives longer"
    );
    let longer = new(Some(&[Permission::JobsView]), Some(3));
    assert_eq!(
        wrong_field(weak_client.token_create(&longer, &key()).await),
        "expires_in_days"
    );
    // A right its user does not have is of no use in a token.
    let useless = person
        .client
        .token_create(&new(Some(&[Permission::UsersManage]), None), &key())
        .await;
    let found = match useless {
        Ok(made) => refused(
            server
                .client(&made.secret)
                .user_list(&ListRequest::default())
                .await,
        ),
        Err(error) => refused::<()>(Err(error)),
    };
    assert_eq!(found, no(403, "permission_missing"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tokens_request_has_bounds_and_its_replay_shows_the_same_secret() {
    let server = TestServer::start().await;
    let admin = server.admin();
    for days in [0, 366, u32::MAX] {
        assert_eq!(
            wrong_field(admin.token_create(&new(None, Some(days)), &key()).await),
            "expires_in_days"
        );
    }
    for name in [String::new(), " ".into(), "a\nb".into(), "x".repeat(101)] {
        let request = TokenCreate {
            name,
            ..new(None, None)
        };
        assert_eq!(wrong_field(admin.token_create(&request, &key()).await), "name");
    }
    admin
        .token_create(
            &TokenCreate {
                name: "x".repeat(100),
                ..new(None, Some(365))
            },
            &key(),
        )
        .await
        .unwrap();
    let intent = IdempotencyKey::new("a key that is remembered");
    let first = admin.token_create(&new(None, None), &intent).await.unwrap();
    assert_eq!(
        admin.token_create(&new(None, None), &intent).await.unwrap(),
        first
    );
    assert_eq!(
        refused(admin.token_create(&new(None, Some(7)), &intent).await),
        no(409, "idempotency_key_reused")
    );
    assert_eq!(
        refused(admin.token_delete(TokenId(999)).await),
        no(404, "not_found")
    );
    let in_database = crate::agents::database_contains(&server, &[&first.secret, intent.as_str()]);
    assert_eq!(in_database, Vec::<String>::new());
}
