//! A list shows what its reader may see, and nothing of the rest.

use std::collections::BTreeSet;

use postern_domain::permission::{Permission, Place};
use postern_testkit::{Answer, TestServer};
use reqwest::Method;
use serde_json::Value;

use super::{
    probe::Object,
    world::{Caller, Spot, World},
};

async fn ids_in(server: &TestServer, caller: &Caller, path: &str) -> Option<BTreeSet<i64>> {
    let request = server.wire().request(Method::GET, &format!("{path}?limit=500"));
    let answer = Answer::of(request.bearer_auth(caller.token().unwrap_or_default())).await;
    if answer.status == 403 {
        return None;
    }
    let page: Value = answer.json();
    let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}"));
    Some(
        items
            .iter()
            .map(|item| item["id"].as_i64().expect("an id"))
            .collect(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_shows_what_its_reader_may_see() {
    let server = TestServer::start().await;
    let world = World::make(&server).await;
    for caller in world
        .callers(&server)
        .await
        .iter()
        .filter(|caller| caller.id.is_some())
    {
        let own_tenant = Place::tenant(world.own.id);
        for (path, object, permission) in [
            ("/api/v1/agents", Object::Agent, Permission::AgentsView),
            ("/api/v1/jobs", Object::Job, Permission::JobsView),
            ("/api/v1/executions", Object::Execution, Permission::JobsView),
            ("/api/v1/groups", Object::Group, Permission::AgentsView),
            ("/api/v1/scripts", Object::Script, Permission::ScriptsView),
            ("/api/v1/schedules", Object::Schedule, Permission::JobsView),
            ("/api/v1/calendars", Object::Calendar, Permission::JobsView),
            ("/api/v1/workflows", Object::Workflow, Permission::WorkflowsView),
            ("/api/v1/instances", Object::Instance, Permission::WorkflowsView),
            ("/api/v1/approvals", Object::Approval, Permission::WorkflowsView),
            ("/api/v1/webhooks", Object::Webhook, Permission::WorkflowsView),
            ("/api/v1/deliveries", Object::Delivery, Permission::WorkflowsView),
            ("/api/v1/users", Object::User, Permission::UsersManage),
            ("/api/v1/tokens", Object::Token, Permission::UsersManage),
            (
                "/api/v1/organizations",
                Object::Organization,
                Permission::UsersManage,
            ),
        ] {
            let signed_in_is_enough = matches!(object, Object::Token | Object::Organization);
            let Some(shown) = ids_in(&server, caller, path).await else {
                assert!(
                    !signed_in_is_enough && !caller.may_somewhere(permission),
                    "{}: {path}",
                    caller.name
                );
                continue;
            };
            for spot in [Spot::Own, Spot::OtherOrganization, Spot::OtherTenant] {
                let place = world.place_of(spot, object).unwrap();
                let ids = world.standing(spot).unwrap();
                let (id, seen) = match object {
                    Object::Agent => (ids.agent, caller.may(permission, place)),
                    Object::Job => (ids.job, caller.may(permission, place)),
                    Object::Execution => (ids.execution, caller.may(permission, place)),
                    Object::Group => (ids.group, caller.may(permission, place)),
                    Object::Script => (ids.script, caller.may(permission, place)),
                    Object::Schedule => (ids.schedule, caller.may(permission, place)),
                    Object::Calendar => (ids.calendar, caller.may(permission, place)),
                    Object::Workflow => (ids.workflow, caller.may(permission, place)),
                    Object::Instance => (ids.instance, caller.may(permission, place)),
                    Object::Approval => (ids.approval, caller.may(permission, place)),
                    Object::Webhook => (ids.webhook, caller.may(permission, place)),
                    Object::Delivery => (ids.delivery, caller.may(permission, place)),
                    Object::User => (ids.user, caller.may(permission, place)),
                    Object::Token => (ids.token, caller.may(permission, place)),
                    // Those of the own tenant have names everybody there may know.
                    _ => (
                        ids.organization,
                        place.tenant == own_tenant.tenant || caller.may(permission, place),
                    ),
                };
                assert_eq!(shown.contains(&id), seen, "{}: {path} {spot:?}", caller.name);
            }
        }
    }
}
