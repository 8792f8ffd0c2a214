//! Steps of workflows that tell somebody something.

use postern_api::{
    notify::{DeliveryDetail, MailTest, WebhookUpdate},
    workflows::{InstanceCreate, WorkflowPublish},
};
use postern_domain::{
    InstanceId, OrganizationId,
    notify::Topic,
    permission::{Role, Scope},
    workflow::engine::{InstanceState, Outcome},
};
use postern_testkit::{TestServer, key};
use serde_json::json;

use super::{Receiver, addressed, started_nowhere, webhook, with_mail, written_to};
use crate::{
    filtered, on_both_databases,
    workflows::{command, show, started, until_state},
    wrong_field,
};

on_both_databases! {
    a_step_tells_a_webhook_values_as_text,
    a_step_that_reaches_nobody_fails_and_says_why,
    a_step_writes_to_those_who_may_see_the_instance_alone,
}

/// Starts a workflow of this organization that tells somebody something.
async fn tells(server: &TestServer, organization: OrganizationId, to: &str) -> InstanceId {
    let admin = server.admin();
    let request = json!({
        "name": format!("flow-{}", key().as_str().to_lowercase()),
        "organization_id": organization,
        "definition": {"steps": [{"id": "say", "type": "notify", "to": [to], "title": "T"}]},
    });
    let request = serde_json::from_value(request).unwrap();
    let made = admin.workflow_create(&request, &key()).await.unwrap();
    let id = made.workflow.id;
    let publish = WorkflowPublish::default();
    admin.workflow_publish(id, &publish, &key()).await.unwrap();
    let started = admin
        .instance_create(id, &InstanceCreate::default(), &key())
        .await;
    started.unwrap().id
}

async fn a_step_tells_a_webhook_values_as_text(server: TestServer) {
    let (admin, receiver) = (server.admin(), Receiver::start().await);
    let web = server.agent("web-1").await;
    webhook(&admin, "pager", &receiver.url(), &[]).await;
    let steps = json!([
        command("look", &["look"]),
        {"id": "say", "type": "notify", "to": ["webhook:pager", "webhook:pager"],
         "title": "Found {{step_look.stdout}}", "message": "{{instance.workflow}} by {{instance.started_by}}"},
    ]);
    let id = started(&server, &["web-1"], steps).await;
    let found = "<script>alert(1)</script>{{step_look.stderr}}\r\nBcc: eve@example.org";
    crate::workflows::runs(&web, found, 0).await;
    let detail = until_state(&server, id, InstanceState::Completed).await;
    let taken = receiver.wait(1).await;
    assert_eq!(taken.len(), 1, "named twice, told once");
    let data = taken[0].json()["data"].clone();
    assert_eq!(data["title"], format!("Found {found}"));
    assert_eq!(
        data["message"],
        format!("{} by {}", detail.instance.workflow, detail.instance.started_by)
    );
    let deliveries = admin
        .delivery_list(&filtered(&[("instance", &id.to_string())]))
        .await
        .unwrap();
    let shown: DeliveryDetail = admin.delivery_show(deliveries.items[0].id).await.unwrap();
    assert_eq!(shown.message.data.title, format!("Found {found}"));
}

async fn a_step_that_reaches_nobody_fails_and_says_why(server: TestServer) {
    let admin = server.admin();
    let receiver = Receiver::start().await;
    let off = webhook(&admin, "off", &receiver.url(), &[]).await;
    let switch = WebhookUpdate {
        active: Some(false),
        ..Default::default()
    };
    admin.webhook_update(off.webhook.id, &switch).await.unwrap();
    for (to, part) in [
        ("webhook:nowhere", "does not exist"),
        ("webhook:off", "switched off"),
        ("user:9999", "has no e-mail address"),
        ("role:agent_installer", "nobody who holds it"),
        ("email:ada@example.org", "POSTERN_SMTP_URL"),
    ] {
        let steps = json!([{"id": "say", "type": "notify", "to": [to], "title": "T"}]);
        let id = started_nowhere(&server, steps).await;
        until_state(&server, id, InstanceState::Failed).await;
        let run = &show(&server, id).await.runs[0];
        assert_eq!(run.outcome, Some(Outcome::Failed));
        let reason = run.reason.as_deref().unwrap();
        assert!(reason.contains(part), "{to}: {reason}");
    }
    assert!(receiver.taken().is_empty());
    let test = MailTest {
        to: "ada@example.org".into(),
    };
    assert_eq!(wrong_field(admin.mail_test(&test).await), "to");
    assert!(!admin.mail_show().await.unwrap().configured);
}

async fn a_step_writes_to_those_who_may_see_the_instance_alone(server: TestServer) {
    let server = with_mail(server).await;
    let tenant = server.default_tenant().await;
    let other = server.organization(tenant.id, "other").await;
    let (near, far) = (
        Scope::Organization(tenant.organization),
        Scope::Organization(other),
    );
    for (address, role, scope) in [
        ("near@example.org", Role::Operator, near),
        ("everywhere@example.org", Role::Operator, Scope::Tenant(tenant.id)),
        ("auditor@example.org", Role::Auditor, near),
        ("installer@example.org", Role::AgentInstaller, near),
    ] {
        addressed(&server, address, tenant.id, (role, scope)).await;
    }
    let stranger = addressed(&server, "far@example.org", tenant.id, (Role::Operator, far)).await;
    let stranger = format!("user:{stranger}");
    for (organization, to, addresses) in [
        (
            tenant.organization,
            "role:operator",
            &["everywhere@example.org", "near@example.org"][..],
        ),
        (
            other,
            "role:operator",
            &["everywhere@example.org", "far@example.org"],
        ),
        (other, &*stranger, &["far@example.org"]),
    ] {
        let id = tells(&server, organization, to).await;
        until_state(&server, id, InstanceState::Completed).await;
        assert_eq!(
            written_to(&server, id, Topic::StepNotify).await,
            addresses,
            "{to}"
        );
    }
    for (to, part) in [
        (&*stranger, "or may not see the workflow"),
        ("role:agent_installer", "may see the workflow"),
    ] {
        let id = tells(&server, tenant.organization, to).await;
        let detail = until_state(&server, id, InstanceState::Failed).await;
        let reason = detail.runs[0].reason.as_deref().unwrap();
        assert!(reason.contains(part), "{to}: {reason}");
        assert!(
            written_to(&server, id, Topic::StepNotify).await.is_empty(),
            "{to}"
        );
    }
}
