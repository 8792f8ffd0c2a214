//! Actions that run a saved script.

use postern_domain::permission::{Permission, Role, Scope};
use postern_protocol::payload::JobPayload;
use postern_testkit::{TestServer, key};
use serde_json::json;

use super::{create, deploy, field, of_script, run, script};
use crate::{no, on_both_databases, refused};

on_both_databases! {
    a_script_runs_with_the_right_of_whoever_deployed_it,
    fixed_parameters_of_a_script_stay_fixed,
}

async fn a_script_runs_with_the_right_of_whoever_deployed_it(server: TestServer) {
    let agent = server.agent("web-1").await;
    let tenant = server.default_tenant().await;
    let id = script(&server, "clean").await;
    let chief = server
        .person(tenant.id, &[(Role::Administrator, Scope::Tenant(tenant.id))])
        .await;
    let chiefs = server.client(&chief.token);
    let request = create("clean", of_script(id, json!({"path": "/tmp"})));
    let action = chiefs.action_create(&request, &key()).await.unwrap().action.id;
    deploy(&chiefs, action).await.unwrap();

    // Who holds a token for jobs alone has no right to scripts.
    let only = server
        .token(chief.id, Some(&[Permission::JobsManage, Permission::JobsView]))
        .await;
    let jobs_only = server.client(&only);
    assert_eq!(refused(jobs_only.script_show(id).await).0, 403);
    let shown = jobs_only.action_show(action).await.unwrap();
    let asks: Vec<&str> = shown.asks.iter().map(|parameter| &*parameter.name).collect();
    assert_eq!(asks, ["level", "token"]);
    run(&jobs_only, action, json!({"level": 2, "token": "t0ken"}))
        .await
        .unwrap();
    let order = agent.run(0).await;
    let JobPayload::Script(sent) = &order.work else {
        panic!("a script")
    };
    let sent: Vec<_> = sent
        .parameters
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(sent, [("level", "2"), ("path", "/tmp")]);
    assert_eq!(agent.secrets(&order)["token"].as_str(), "t0ken");

    server.admin().user_delete(chief.id).await.unwrap();
    assert_eq!(
        refused(run(&server.admin(), action, json!({"level": 2})).await),
        no(409, "deployer_gone")
    );
}

async fn fixed_parameters_of_a_script_stay_fixed(server: TestServer) {
    server.agent("web-1").await;
    let admin = server.admin();
    let id = script(&server, "clean").await;
    let clear = create("x", of_script(id, json!({"token": "in clear"})));
    assert_eq!(
        field(admin.action_create(&clear, &key()).await).0,
        "definition.work.parameters.token"
    );
    let mut request = create("clean", of_script(id, json!({"level": 1})));
    request.secrets = serde_json::from_value(json!({"token": "t0ken"})).unwrap();
    let detail = admin.action_create(&request, &key()).await.unwrap();
    assert_eq!(detail.draft_secrets, ["token"]);
    let action = detail.action.id;
    deploy(&admin, action).await.unwrap();
    for given in [json!({"level": 2}), json!({"token": "mine"})] {
        let (_, message) = field(run(&admin, action, given).await);
        assert!(message.contains("fixed by the action"), "{message}");
    }
    run(&admin, action, json!({"path": "/"})).await.unwrap();
}
