//! Users, roles at scopes, organizations. Nobody hands out more than they hold.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use postern_api::{
    ListRequest,
    identity::{
        BindingCreate, DepartmentCreate, OrganizationCreate, OrganizationUpdate, UserCreate, UserUpdate,
    },
};
use postern_domain::{
    DepartmentId, OrganizationId, TenantId, UserId,
    permission::{Permission, Role, Scope},
};
use postern_testkit::{TestServer, key};

use super::{new_user, user};
use crate::{filtered, no, refused, wrong_field};

const TENANT: Scope = Scope::Tenant(TenantId(1));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_created_found_changed_and_deleted() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let anna = user(&server, "anna", &[(Role::Operator, TENANT)]).await;
    assert_eq!(
        (anna.active, anna.bindings.len(), anna.last_sign_in_at),
        (true, 1, None)
    );
    assert_eq!(admin.user_show(anna.id).await.unwrap(), anna);
    assert_eq!(
        refused(admin.user_create(&new_user("anna", &[]), &key()).await),
        no(409, "username_taken")
    );
    let names = async |request: ListRequest| -> Vec<String> {
        admin
            .user_list(&request)
            .await
            .unwrap()
            .items
            .into_iter()
            .map(|user| user.username)
            .collect()
    };
    assert_eq!(names(ListRequest::default()).await, ["admin", "anna"]);
    assert_eq!(
        names(ListRequest {
            search: Some("NN".into()),
            ..Default::default()
        })
        .await,
        ["anna"]
    );
    assert_eq!(
        names(ListRequest {
            sort: Some("-username".into()),
            limit: Some(1),
            ..Default::default()
        })
        .await,
        ["anna"]
    );
    let off = UserUpdate {
        active: Some(false),
        display_name: Some("Anna B.".into()),
        ..Default::default()
    };
    assert_eq!(
        admin.user_update(anna.id, &off).await.unwrap().display_name,
        "Anna B."
    );
    assert_eq!(names(filtered(&[("active", "true")])).await, ["admin"]);
    assert_eq!(
        wrong_field(admin.user_list(&filtered(&[("active", "maybe")])).await),
        "filter"
    );
    admin.user_delete(anna.id).await.unwrap();
    assert_eq!(refused(admin.user_show(anna.id).await), no(404, "not_found"));
    for result in [
        admin.user_delete(UserId(1)).await,
        admin
            .user_update(
                UserId(1),
                &UserUpdate {
                    active: Some(false),
                    ..Default::default()
                },
            )
            .await
            .map(|_| ()),
    ] {
        assert_eq!(refused(result), no(409, "own_user"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_users_request_has_bounds() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let with = |field: &str, value: String| {
        let mut user = new_user("berta", &[]);
        match field {
            "username" => user.username = value,
            "password" => user.password = value,
            _ => user.display_name = value,
        }
        user
    };
    for (field, value) in [
        ("username", String::new()),
        ("username", "x".repeat(101)),
        ("username", "a b".into()),
        ("username", "-rf".into()),
        ("password", "x".repeat(11)),
        ("password", "x".repeat(257)),
        ("display_name", "x".repeat(201)),
        ("display_name", "a\u{7}".into()),
    ] {
        let request = with(field, value);
        assert_eq!(
            wrong_field(admin.user_create(&request, &key()).await),
            field,
            "{request:?}"
        );
    }
    let user = UserCreate {
        display_name: "x".repeat(200),
        ..with("password", "x".repeat(256))
    };
    let made = admin.user_create(&user, &key()).await.unwrap();
    let short = UserUpdate {
        password: Some("x".repeat(11)),
        ..Default::default()
    };
    assert_eq!(wrong_field(admin.user_update(made.id, &short).await), "password");
}

/// The digest of a request under a key must not become a quick way to try passwords.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_in_the_database_only_as_a_slow_hash() {
    let server = TestServer::start().await;
    let request = new_user("anna", &[]);
    let intent = key();
    let first = server.admin().user_create(&request, &intent).await.unwrap();
    assert_eq!(
        server.admin().user_create(&request, &intent).await.unwrap(),
        first
    );
    let json = serde_json::to_string(&request).unwrap();
    let quick: Vec<String> = [
        request.password.clone(),
        json.clone(),
        format!("user_create\n{json}"),
    ]
    .iter()
    .map(|text| URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes())))
    .collect();
    let searched: Vec<&str> = quick
        .iter()
        .map(String::as_str)
        .chain([&*request.password, intent.as_str()])
        .collect();
    assert_eq!(
        crate::agents::database_contains(&server, &searched),
        Vec::<String>::new()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_bound_where_it_makes_sense_and_where_its_giver_holds_it() {
    let server = TestServer::start().await;
    let own = server.default_tenant().await;
    let second = server.organization(own.id, "second").await;
    let other = server.tenant("elsewhere").await;
    let anna = user(&server, "anna", &[]).await;
    let owner = server.person(own.id, &[(Role::TenantOwner, TENANT)]).await;
    let local = server
        .person(
            own.id,
            &[(Role::Administrator, Scope::Organization(own.organization))],
        )
        .await;
    let bind = async |client: &postern_testkit::client::Client, role, scope| {
        client
            .binding_create(anna.id, &BindingCreate { role, scope }, &key())
            .await
    };
    let admin = server.admin();
    for (role, scope) in [
        (Role::SiteAdministrator, TENANT),
        (Role::CustomerSupport, Scope::Organization(own.organization)),
        (Role::TenantOwner, Scope::Organization(own.organization)),
        (Role::Operator, Scope::Cluster),
        (Role::Operator, Scope::Organization(OrganizationId(999))),
        (Role::Operator, Scope::Department(DepartmentId(999))),
        (Role::TenantOwner, Scope::Tenant(TenantId(999))),
    ] {
        assert_eq!(
            wrong_field(bind(&admin, role, scope).await),
            "scope",
            "{role} at {scope:?}"
        );
    }
    for scope in [
        TENANT,
        Scope::Organization(second),
        Scope::Department(own.department),
    ] {
        let binding = bind(&owner.client, Role::Operator, scope).await.unwrap();
        assert_eq!(
            refused(bind(&owner.client, Role::Operator, scope).await),
            no(409, "binding_exists")
        );
        owner.client.binding_delete(anna.id, binding.id).await.unwrap();
        assert_eq!(
            refused(owner.client.binding_delete(anna.id, binding.id).await),
            no(404, "not_found")
        );
    }
    for (role, scope) in [
        (Role::SiteAdministrator, Scope::Cluster),
        (Role::Operator, Scope::Tenant(other.id)),
        (Role::Operator, Scope::Organization(other.organization)),
        (Role::Operator, Scope::Department(other.department)),
    ] {
        assert_eq!(
            wrong_field(bind(&owner.client, role, scope).await),
            "scope",
            "{role} at {scope:?}"
        );
    }
    let inside = bind(
        &local.client,
        Role::Operator,
        Scope::Organization(own.organization),
    )
    .await;
    assert_eq!(
        refused(inside),
        no(404, "not_found"),
        "users belong to the tenant"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_hands_out_or_takes_over_more_than_they_hold() {
    let server = TestServer::start().await;
    let owner = server.person(TenantId(1), &[(Role::TenantOwner, TENANT)]).await;
    let more = no(403, "user_has_more_rights");
    let password = UserUpdate {
        password: Some("a password of my choice".into()),
        ..Default::default()
    };
    assert_eq!(
        refused(owner.client.user_update(UserId(1), &password).await),
        more,
        "the site administrator's"
    );
    assert_eq!(refused(owner.client.user_delete(UserId(1)).await), more);
    let binding = server.admin().user_show(UserId(1)).await.unwrap().bindings[0].id;
    assert_eq!(
        wrong_field(owner.client.binding_delete(UserId(1), binding).await),
        "scope"
    );
    let create = new_user("puppet", &[(Role::SiteAdministrator, Scope::Cluster)]);
    assert_eq!(
        wrong_field(owner.client.user_create(&create, &key()).await),
        "bindings[0]"
    );

    // A token that carries one right cannot make another way to the rest.
    let narrow = server.client(&server.token(owner.id, Some(&[Permission::UsersManage])).await);
    let create = new_user("puppet", &[(Role::Administrator, TENANT)]);
    assert_eq!(
        wrong_field(narrow.user_create(&create, &key()).await),
        "bindings[0]"
    );
    let peer = server.person(TenantId(1), &[(Role::Operator, TENANT)]).await;
    let bind = BindingCreate {
        role: Role::Auditor,
        scope: TENANT,
    };
    assert_eq!(
        wrong_field(narrow.binding_create(peer.id, &bind, &key()).await),
        "scope"
    );
    assert_eq!(refused(narrow.user_update(peer.id, &password).await), more);
    owner
        .client
        .user_update(peer.id, &password)
        .await
        .expect("the owner holds all of it");
    let own = owner.client.user_show(owner.id).await.unwrap().bindings[0].id;
    assert_eq!(
        refused(owner.client.binding_delete(owner.id, own).await),
        no(409, "own_user")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn organizations_and_departments_have_names_of_their_own() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let made = admin
        .organization_create(
            &OrganizationCreate {
                name: "second".into(),
            },
            &key(),
        )
        .await
        .unwrap();
    assert!(made.renew_credentials && made.departments.is_empty());
    let taken = no(409, "name_taken");
    let again = OrganizationCreate {
        name: "second".into(),
    };
    assert_eq!(refused(admin.organization_create(&again, &key()).await), taken);
    let rename = OrganizationUpdate {
        name: Some("default".into()),
        ..Default::default()
    };
    assert_eq!(refused(admin.organization_update(made.id, &rename).await), taken);
    let department = DepartmentCreate { name: "web".into() };
    let web = admin
        .department_create(made.id, &department, &key())
        .await
        .unwrap();
    assert_eq!(
        refused(admin.department_create(made.id, &department, &key()).await),
        taken
    );
    admin
        .department_create(OrganizationId(1), &department, &key())
        .await
        .expect("another organization's");
    let listed = admin
        .organization_list(&ListRequest::default())
        .await
        .unwrap()
        .items;
    let names: Vec<_> = listed.iter().map(|organization| &*organization.name).collect();
    assert_eq!(names, ["default", "second"]);
    assert_eq!(listed[1].departments, [web]);
    let bad = OrganizationCreate { name: "a b".into() };
    assert_eq!(wrong_field(admin.organization_create(&bad, &key()).await), "name");
}
