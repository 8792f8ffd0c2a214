//! Every change and every refusal of one is on record, under the operation's name.

use postern_api::{
    actions::{ActionClone, ActionCreate, ActionDeploy, ActionRestore, ActionRun, ActionUpdate},
    agents::{AgentCreate, AgentUpdate},
    approvals::{ApprovalAnswer, ApprovalDelegate},
    audit::{AuditOutcome, AuditRecord},
    executions::{ExecutionRerun, RerunHosts},
    groups::{GroupCreate, GroupUpdate},
    identity::{
        BindingCreate, DepartmentCreate, OrganizationCreate, OrganizationUpdate, PasswordChange,
        SessionCreate, TokenCreate, UserCreate, UserUpdate,
    },
    notify::{MailTest, WebhookCreate, WebhookUpdate},
    schedules::{CalendarCreate, CalendarUpdate, ScheduleCreate, ScheduleUpdate},
    scripts::{
        ScriptClone, ScriptCreate, ScriptDefinition, ScriptKind, ScriptRestore, ScriptRun, ScriptUpdate,
    },
    targets::Targets,
    workflows::{
        InstanceAgain, InstanceCancel, InstanceCreate, WorkflowClone, WorkflowCreate, WorkflowPublish,
        WorkflowRestore, WorkflowUpdate,
    },
};
use postern_domain::{
    JobId,
    approval::Decision,
    permission::{Role, Scope},
};
use postern_protocol::payload::Language;
use postern_testkit::client::Revoke;
use postern_testkit::{Answer, TestServer, argv, key, on};
use reqwest::Method;

use super::{
    probe::probe_of,
    world::{Spot, World},
};
use crate::{filtered, openapi};

/// Does everything that can be done, once. Returns the secrets that were shown.
async fn do_everything(server: &TestServer) -> Vec<String> {
    let admin = server.admin();
    let other_password = "another long enough password";
    let change = |current: &str, new: &str| PasswordChange {
        current_password: current.into(),
        new_password: new.into(),
    };
    let there = change(server.admin_password(), other_password);
    admin.password_change(&there).await.unwrap();
    let back = change(other_password, server.admin_password());
    admin.password_change(&back).await.unwrap();
    let signed_in = admin
        .session_create(&SessionCreate {
            username: "admin".into(),
            password: server.admin_password().to_owned(),
        })
        .await
        .unwrap();
    server
        .connect(&signed_in.credentials)
        .session_delete()
        .await
        .unwrap();
    let user_password = "a long enough password";
    let user = UserCreate {
        username: "anna".into(),
        password: user_password.into(),
        display_name: "Anna".into(),
        email: None,
        bindings: Vec::new(),
    };
    let user = admin.user_create(&user, &key()).await.unwrap();
    let renamed = UserUpdate {
        display_name: Some("A.".into()),
        ..Default::default()
    };
    admin.user_update(user.id, &renamed).await.unwrap();
    let binding = BindingCreate {
        role: Role::Auditor,
        scope: Scope::Tenant(user.tenant_id),
    };
    let binding = admin.binding_create(user.id, &binding, &key()).await.unwrap();
    admin.binding_delete(user.id, binding.id).await.unwrap();
    admin.user_delete(user.id).await.unwrap();
    let token = TokenCreate {
        name: "ci".into(),
        permissions: None,
        expires_in_days: Some(1),
    };
    let token = admin.token_create(&token, &key()).await.unwrap();
    admin.token_delete(token.token.id).await.unwrap();
    let organization = admin
        .organization_create(&OrganizationCreate { name: "third".into() }, &key())
        .await
        .unwrap();
    let department = DepartmentCreate { name: "db".into() };
    admin
        .department_create(organization.id, &department, &key())
        .await
        .unwrap();
    let keep = OrganizationUpdate {
        renew_credentials: Some(false),
        ..Default::default()
    };
    admin.organization_update(organization.id, &keep).await.unwrap();
    let agent = AgentCreate {
        name: "web-1".into(),
        organization_id: Some(organization.id),
        department_id: None,
        labels: Default::default(),
    };
    let made = admin.agent_create(&agent, &key()).await.unwrap();
    let agent = made.agent.id;
    let again = admin.enrollment_token_create(agent, &key()).await.unwrap();
    let off = AgentUpdate {
        active: Some(false),
        ..Default::default()
    };
    admin.agent_update(agent, &off).await.unwrap();
    let job = admin
        .job_create(&on(&["web-1"], argv(&["true"])), &key())
        .await
        .unwrap()
        .jobs[0]
        .id;
    do_more(server, job).await;
    server.clock.advance_seconds(31 * 60);
    postern_testkit::until("the job is stale", || async { admin.job_retry(job).await.ok() }).await;
    admin.job_cancel(job).await.unwrap();
    admin.job_delete(job).await.unwrap();
    admin.agent_revoke(agent).await.unwrap();
    admin.agent_delete(agent, Revoke::No).await.unwrap();
    let webhook_secret = do_notify(server).await;
    vec![
        webhook_secret,
        token.secret,
        made.enrollment_token,
        again.enrollment_token,
        user_password.into(),
    ]
}

/// With host groups, scripts and whole executions.
async fn do_more(server: &TestServer, job: JobId) {
    let admin = server.admin();
    let targets = Targets {
        agents: vec!["web-1".into()],
        ..Default::default()
    };
    let group = GroupCreate {
        name: "webs".into(),
        description: String::new(),
        organization_id: None,
        department_id: None,
        targets: targets.clone(),
        blackout: None,
    };
    let group = admin.group_create(&group, &key()).await.unwrap();
    let described = GroupUpdate {
        description: Some("all of them".into()),
        ..Default::default()
    };
    admin.group_update(group.id, &described).await.unwrap();
    admin.group_delete(group.id).await.unwrap();
    let definition = |content: &str| ScriptDefinition {
        content: content.into(),
        ..Default::default()
    };
    let script = ScriptCreate {
        kind: ScriptKind::Script,
        name: "hello".into(),
        description: String::new(),
        language: Language::Bash,
        organization_id: None,
        department_id: None,
        definition: definition("echo 1"),
        message: String::new(),
    };
    let script = admin.script_create(&script, &key()).await.unwrap().script;
    let second = ScriptUpdate {
        definition: Some(definition("echo 2")),
        ..Default::default()
    };
    admin.script_update(script.id, &second).await.unwrap();
    admin
        .script_restore(script.id, &ScriptRestore { version: 1 })
        .await
        .unwrap();
    let copy = ScriptClone { name: "copy".into() };
    let copy = admin.script_clone(script.id, &copy, &key()).await.unwrap().script;
    admin.script_delete(copy.id).await.unwrap();
    let run = ScriptRun {
        targets: targets.clone(),
        ..Default::default()
    };
    admin.script_run(script.id, &run, &key()).await.unwrap();
    let execution = admin.job_show(job).await.unwrap().job.execution_id.unwrap();
    let all = ExecutionRerun {
        hosts: RerunHosts::All,
    };
    let again = admin.execution_rerun(execution, &all, &key()).await.unwrap();
    admin.execution_cancel(again.execution_id).await.unwrap();
    admin.execution_retry(again.execution_id).await.unwrap();
    do_actions(server, &targets).await;
    do_on_time(server, targets).await;
    do_workflows(server).await;
}

/// With approvals.
async fn do_workflows(server: &TestServer) {
    let admin = server.admin();
    let tenant = admin.session_show().await.unwrap().user.tenant_id;
    let approver = [(Role::Approver, Scope::Tenant(tenant))];
    let (anna, bert) = (
        server.person(tenant, &approver).await,
        server.person(tenant, &approver).await,
    );
    let request = serde_json::json!({"name": "asks", "definition": {"steps": [
        {"id": "ask", "type": "approval", "title": "Go on?", "approval_type": "singular", "approvers": [format!("user:{}", anna.id)]},
        {"id": "wait", "type": "delay", "hours": 1},
    ]}});
    let request: WorkflowCreate = serde_json::from_value(request).unwrap();
    let id = admin.workflow_create(&request, &key()).await.unwrap().workflow.id;
    let publish = WorkflowPublish::default();
    admin.workflow_publish(id, &publish, &key()).await.unwrap();
    let described = WorkflowUpdate {
        description: Some("asks".into()),
        ..Default::default()
    };
    admin.workflow_update(id, &described).await.unwrap();
    admin
        .workflow_restore(id, &WorkflowRestore { version: 1 })
        .await
        .unwrap();
    let copy = WorkflowClone {
        name: "asks-too".into(),
    };
    let copy = admin.workflow_clone(id, &copy, &key()).await.unwrap().workflow.id;
    admin.workflow_delete(copy).await.unwrap();
    let instance = admin
        .instance_create(id, &InstanceCreate::default(), &key())
        .await
        .unwrap()
        .id;
    let open = filtered(&[("state", "open")]);
    let ask = postern_testkit::until("the question", || async {
        let open = admin.approval_list(&open).await.unwrap().items;
        open.into_iter()
            .find(|one| one.instance_id == instance)
            .map(|one| one.id)
    })
    .await;
    let delegate = ApprovalDelegate {
        from: anna.id,
        to: bert.id,
    };
    admin.approval_delegate(ask, &delegate).await.unwrap();
    let answer = ApprovalAnswer {
        decision: Decision::Approve,
        comment: None,
        work_sha256: None,
    };
    bert.client.approval_answer(ask, &answer).await.unwrap();
    let reason = InstanceCancel {
        reason: String::new(),
    };
    admin.instance_cancel(instance, &reason).await.unwrap();
    let again = InstanceAgain::default();
    admin.instance_retry(instance, &again, &key()).await.unwrap();
    admin.instance_rerun(instance, &again, &key()).await.unwrap();
}

/// With webhooks and e-mail; nobody listens there.
async fn do_notify(server: &TestServer) -> String {
    let admin = server.admin();
    let request = WebhookCreate {
        name: "pager".into(),
        url: "http://127.0.0.1:1/".into(),
        topics: Vec::new(),
        active: true,
    };
    let saved = admin.webhook_create(&request, &key()).await.unwrap();
    let id = saved.webhook.id;
    let renamed = WebhookUpdate {
        name: Some("bell".into()),
        ..Default::default()
    };
    admin.webhook_update(id, &renamed).await.unwrap();
    let message = admin.webhook_test(id).await.unwrap();
    admin.delivery_retry(message.id).await.unwrap();
    admin.webhook_delete(id).await.unwrap();
    let to = MailTest {
        to: "ada@example.org".into(),
    };
    admin.mail_test(&to).await.unwrap();
    saved.secret.unwrap().reveal().to_owned()
}

async fn do_actions(server: &TestServer, targets: &Targets) {
    let admin = server.admin();
    let action = serde_json::json!({
        "name": "look", "definition": {"targets": targets,
            "work": {"kind": "job", "job": {"type": "command", "payload": {"argv": ["true"]}}}},
    });
    let action: ActionCreate = serde_json::from_value(action).unwrap();
    let action = admin.action_create(&action, &key()).await.unwrap().action.id;
    admin
        .action_deploy(action, &ActionDeploy::default(), &key())
        .await
        .unwrap();
    let described = ActionUpdate {
        description: Some("looks".into()),
        ..Default::default()
    };
    admin.action_update(action, &described).await.unwrap();
    admin
        .action_restore(action, &ActionRestore { version: 1 })
        .await
        .unwrap();
    admin
        .action_run(action, &ActionRun::default(), &key())
        .await
        .unwrap();
    let copy = ActionClone {
        name: "look-2".into(),
    };
    let copy = admin.action_clone(action, &copy, &key()).await.unwrap().action.id;
    admin.action_delete(copy).await.unwrap();
    admin.action_delete(action).await.unwrap();
}

/// With schedules and calendars.
async fn do_on_time(server: &TestServer, targets: Targets) {
    let admin = server.admin();
    let calendar = serde_json::json!({
        "name": "holidays", "entries": [{"kind": "dates", "from": "2026-12-24", "to": "2026-12-26"}],
    });
    let calendar: CalendarCreate = serde_json::from_value(calendar).unwrap();
    let calendar = admin.calendar_create(&calendar, &key()).await.unwrap();
    let zone = CalendarUpdate {
        zone: Some("Europe/Brussels".into()),
        ..Default::default()
    };
    admin.calendar_update(calendar.id, &zone).await.unwrap();
    admin.calendar_delete(calendar.id).await.unwrap();
    let schedule = serde_json::json!({
        "name": "nightly",
        "definition": {
            "cron": "0 2 * * *", "targets": targets,
            "work": {"kind": "job", "job": {"type": "command", "payload": {"argv": ["true"]}}},
        },
    });
    let schedule: ScheduleCreate = serde_json::from_value(schedule).unwrap();
    let schedule = admin.schedule_create(&schedule, &key()).await.unwrap();
    let pause = ScheduleUpdate {
        paused: Some(true),
        ..Default::default()
    };
    admin.schedule_update(schedule.id, &pause).await.unwrap();
    admin.schedule_run(schedule.id, &key()).await.unwrap();
    admin.schedule_delete(schedule.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_and_every_refusal_is_recorded() {
    let mut server = TestServer::start().await;
    server.mail("smtp://127.0.0.1:1?tls=none");
    server.restart().await;
    let world = World::make(&server).await;
    let secrets = do_everything(&server).await;
    let nobody = server.person(world.own.id, &[]).await;
    let ids = world.standing(Spot::Own).unwrap();
    let admin = server.admin();
    for (method, path, operation) in openapi::operations(&openapi::document()) {
        let probe = probe_of(&method, &path, &operation);
        if !probe.changes() {
            continue;
        }
        let of_it = filtered(&[("action", &probe.name)]);
        let before = admin.audit_list_all(&of_it, 10_000).await.unwrap().items;
        let by_a_person =
            |record: &&AuditRecord| record.outcome == AuditOutcome::Done && record.actor.starts_with("user:");
        let done = before.iter().find(by_a_person);
        let done = done.unwrap_or_else(|| panic!("{} was done and is not on record", probe.name));
        assert!(done.object.contains(':'), "{done:?}");
        assert!(
            done.actor.starts_with("user:") && done.address.as_deref() == Some("127.0.0.1"),
            "{done:?}"
        );

        let mut request = server.wire().request(probe.method.clone(), &probe.path_for(ids));
        let body = match &*probe.name {
            "session_create" => Some(serde_json::json!({"username": "admin", "password": "wrong"})),
            _ => probe.body(ids),
        };
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = match &*probe.permission {
            "public" | "signed_in" => Answer::of(request).await,
            _ => Answer::of(request.bearer_auth(&nobody.token)).await,
        };
        assert!(
            [401, 403].contains(&answer.status),
            "{}: {}",
            probe.name,
            answer.text()
        );
        let refused = filtered(&[("action", &probe.name), ("outcome", "refused")]);
        let refused = admin.audit_list_all(&refused, 10_000).await.unwrap().items;
        let record = refused
            .first()
            .unwrap_or_else(|| panic!("{} was refused and is not on record", probe.name));
        let reason = record.reason.as_deref().unwrap_or_default();
        assert!(
            reason.len() > 10 && record.before.is_none() && record.after.is_none(),
            "{record:?}"
        );
    }
    let reads = admin
        .audit_list(&filtered(&[("action", "agent_list,job_show,audit_list")]))
        .await
        .unwrap();
    assert!(reads.items.is_empty(), "reading is not a change");
    let request = server
        .wire()
        .request(Method::GET, "/api/v1/audit?limit=500")
        .bearer_auth(server.admin_token());
    let trail = Answer::of(request).await.text();
    for secret in secrets
        .iter()
        .map(|secret| &**secret)
        .chain([server.admin_password(), "argon2", "pet1_"])
    {
        assert!(!trail.contains(secret), "{secret} is in the trail");
    }
}
