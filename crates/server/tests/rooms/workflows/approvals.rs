//! Approvals: who is asked, and what their answers do.

use postern_api::{
    ListRequest,
    approvals::{ApprovalAnswer, ApprovalDelegate},
    identity::{BindingCreate, UserUpdate},
};
use postern_domain::{
    ApprovalId, InstanceId, TenantId, UserId,
    approval::{ApprovalState, Decision},
    permission::{Role, Scope},
    workflow::engine::InstanceState,
};
use postern_testkit::{Person, TestServer, key};
use serde_json::{Value, json};

use super::{answer, approver, command, runs, saved, show, started, told, until_begun, until_state};
use crate::{filtered, no, on_both_databases, refused};

on_both_databases! {
    whoever_started_it_is_not_asked,
    one_rejection_of_all_is_enough,
    nobody_in_time_is_a_rejection,
    two_who_answer_at_the_same_moment_both_count,
    who_lost_the_role_meanwhile_does_not_answer,
    who_cannot_answer_any_more_is_told_with_the_reason,
    what_was_asked_of_one_who_may_only_look_by_now_does_not_wait_for_them,
    somebody_answers_in_the_place_of_one_who_is_deleted,
    an_administrator_puts_somebody_in_anothers_place,
    whoever_started_it_takes_anothers_place_only_where_the_step_allows_it,
    too_few_people_fail_the_step,
    a_cancelled_workflow_withdraws_its_question,
    answers_that_do_not_fit_are_refused,
    the_list_shows_what_waits_for_me,
}

pub(super) struct World {
    pub(super) server: TestServer,
    tenant: TenantId,
    pub(super) people: Vec<Person>,
}

/// Approvers in the default tenant.
pub(super) async fn world(server: TestServer, people: usize) -> World {
    let tenant = server.default_tenant().await.id;
    let mut made = Vec::new();
    for _ in 0..people {
        made.push(approver(&server, tenant).await);
    }
    World {
        server,
        tenant,
        people: made,
    }
}

impl World {
    /// Starts a workflow that asks and then runs a command. Returns the question.
    async fn ask(&self, kind: &str, approvers: Value) -> (InstanceId, ApprovalId) {
        let steps = json!([
            {"id": "ask", "type": "approval", "title": "Deploy?", "approval_type": kind, "approvers": approvers, "timeout_minutes": 60},
            command("deploy", &["deploy"]),
        ]);
        let id = started(&self.server, &["web-1"], steps).await;
        let ask = until_begun(&self.server, id, "ask", 1).await;
        until_state(&self.server, id, InstanceState::Paused).await;
        (id, ask.approval_id.unwrap())
    }

    pub(super) fn everybody(&self) -> Value {
        self.people
            .iter()
            .map(|person| format!("user:{}", person.id))
            .collect()
    }
}

async fn whoever_started_it_is_not_asked(server: TestServer) {
    let world = world(server, 1).await;
    let web = world.server.agent("web-1").await;
    let admin = world.server.admin();
    // The administrator who starts it has the role as well.
    let (id, ask) = world
        .ask(
            "one_of_many",
            json!(["role:administrator", "role:site_administrator", "role:approver"]),
        )
        .await;
    let shown = admin.approval_show(ask).await.unwrap();
    let names: Vec<&str> = shown
        .approval
        .people
        .iter()
        .map(|asked| asked.name.as_str())
        .collect();
    assert_eq!(names, [world.people[0].name.as_str()]);
    assert!(!shown.approval.may_answer);
    assert_eq!(
        refused(answer(&admin, ask, Decision::Approve).await),
        no(403, "not_asked")
    );
    let approved = answer(&world.people[0].client, ask, Decision::Approve)
        .await
        .unwrap();
    assert_eq!(approved.approval.state, ApprovalState::Approved);
    runs(&web, "", 0).await;
    let detail = until_state(&world.server, id, InstanceState::Completed).await;
    assert_eq!(told(&detail), ["ask ok", "deploy ok"]);
}

async fn one_rejection_of_all_is_enough(server: TestServer) {
    let world = world(server, 3).await;
    let (id, ask) = world.ask("all", json!(["role:approver"])).await;
    answer(&world.people[1].client, ask, Decision::Approve)
        .await
        .unwrap();
    assert_eq!(
        show(&world.server, id).await.instance.state,
        InstanceState::Paused
    );
    let rejected = answer(&world.people[2].client, ask, Decision::Reject)
        .await
        .unwrap();
    assert_eq!(rejected.approval.state, ApprovalState::Rejected);
    let detail = until_state(&world.server, id, InstanceState::Failed).await;
    assert_eq!(
        detail.runs[0].reason,
        Some(format!("Rejected by {}", world.people[2].name)),
        "not by who approved"
    );
    assert_eq!(
        refused(answer(&world.people[0].client, ask, Decision::Approve).await),
        no(409, "approval_ended")
    );
}

async fn nobody_in_time_is_a_rejection(server: TestServer) {
    let world = world(server, 1).await;
    let (id, ask) = world.ask("singular", world.everybody()).await;
    world.server.clock.advance_seconds(60 * 60 - 1);
    assert_eq!(
        show(&world.server, id).await.instance.state,
        InstanceState::Paused
    );
    world.server.clock.advance_seconds(1);
    // At the deadline it is too late, whoever looks first: the person or the clock.
    let late = refused(answer(&world.people[0].client, ask, Decision::Approve).await);
    assert!(
        late == no(409, "too_late") || late == no(409, "approval_ended"),
        "{late:?}"
    );
    let detail = until_state(&world.server, id, InstanceState::Failed).await;
    assert_eq!(detail.runs[0].reason.as_deref(), Some("Nobody decided in time"));
    let shown = world.server.admin().approval_show(ask).await.unwrap();
    assert_eq!(shown.approval.state, ApprovalState::Expired);
}

async fn two_who_answer_at_the_same_moment_both_count(server: TestServer) {
    let world = world(server, 2).await;
    let (id, ask) = world.ask("two_of_many", json!(["role:approver"])).await;
    let (one, other) = tokio::join!(
        answer(&world.people[0].client, ask, Decision::Approve),
        answer(&world.people[1].client, ask, Decision::Approve),
    );
    let states = [one.unwrap().approval.state, other.unwrap().approval.state];
    assert!(states.contains(&ApprovalState::Approved), "{states:?}");
    until_begun(&world.server, id, "deploy", 1).await;
    // And the same person twice at the same moment counts once.
    let (_, ask) = world.ask("two_of_many", json!(["role:approver"])).await;
    let client = &world.people[0].client;
    let (one, other) = tokio::join!(
        answer(client, ask, Decision::Approve),
        answer(client, ask, Decision::Reject)
    );
    let (taken, left): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(Result::is_ok);
    assert_eq!((taken.len(), left.len()), (1, 1));
    assert_eq!(refused(left.into_iter().next().unwrap()).0, 409);
}

async fn who_lost_the_role_meanwhile_does_not_answer(server: TestServer) {
    let world = world(server, 2).await;
    let (id, ask) = world.ask("all", json!(["role:approver"])).await;
    let admin = world.server.admin();
    let lost = &world.people[0];
    let user = admin.user_show(lost.id).await.unwrap();
    admin.binding_delete(lost.id, user.bindings[0].id).await.unwrap();
    assert_eq!(refused(answer(&lost.client, ask, Decision::Approve).await).0, 403);
    answer(&world.people[1].client, ask, Decision::Approve)
        .await
        .unwrap();
    // The list stays as it was: it takes both, until the deadline.
    assert_eq!(
        show(&world.server, id).await.instance.state,
        InstanceState::Paused
    );
    // So it is with one who is deleted.
    admin.user_delete(lost.id).await.unwrap();
    assert_eq!(admin.approval_show(ask).await.unwrap().approval.people.len(), 2);
    world.server.clock.advance_seconds(61 * 60);
    let detail = until_state(&world.server, id, InstanceState::Failed).await;
    assert_eq!(detail.runs[0].reason.as_deref(), Some("Nobody decided in time"));
}

async fn who_cannot_answer_any_more_is_told_with_the_reason(server: TestServer) {
    let world = world(server, 4).await;
    let (_, ask) = world.ask("all", json!(["role:approver"])).await;
    let admin = world.server.admin();
    let reasons = async || {
        let shown = admin.approval_show(ask).await.unwrap().approval;
        shown
            .people
            .into_iter()
            .map(|asked| asked.cannot_answer)
            .collect::<Vec<_>>()
    };
    assert_eq!(reasons().await, [const { None::<String> }; 4]);
    let [lost, off, deleted, stays] = &world.people[..] else {
        panic!("four people");
    };
    let user = admin.user_show(lost.id).await.unwrap();
    admin.binding_delete(lost.id, user.bindings[0].id).await.unwrap();
    let switch: UserUpdate = serde_json::from_value(json!({"active": false})).unwrap();
    admin.user_update(off.id, &switch).await.unwrap();
    admin.user_delete(deleted.id).await.unwrap();
    let told = [
        Some("may not manage workflows there any more".to_owned()),
        Some("is switched off".to_owned()),
        Some("is deleted".to_owned()),
        None,
    ];
    assert_eq!(reasons().await, told);
    // Of one that is over nobody is to answer.
    answer(&stays.client, ask, Decision::Reject).await.unwrap();
    assert_eq!(reasons().await, [const { None::<String> }; 4]);
}

async fn what_was_asked_of_one_who_may_only_look_by_now_does_not_wait_for_them(server: TestServer) {
    let world = world(server, 1).await;
    let (_, ask) = world.ask("singular", world.everybody()).await;
    let (admin, person) = (world.server.admin(), &world.people[0]);
    let mine = async || {
        let listed = person.client.approval_list(&filtered(&[("mine", "true")])).await;
        listed.unwrap().items.len()
    };
    assert_eq!(mine().await, 1);
    let auditor = BindingCreate {
        role: Role::Auditor,
        scope: Scope::Tenant(world.tenant),
    };
    let user = admin.user_show(person.id).await.unwrap();
    admin.binding_create(person.id, &auditor, &key()).await.unwrap();
    admin
        .binding_delete(person.id, user.bindings[0].id)
        .await
        .unwrap();
    assert_eq!(mine().await, 0);
    assert!(
        !person
            .client
            .approval_show(ask)
            .await
            .unwrap()
            .approval
            .may_answer
    );
}

async fn somebody_answers_in_the_place_of_one_who_is_deleted(server: TestServer) {
    let world = world(server, 2).await;
    let admin = world.server.admin();
    let (gone, deputy) = (&world.people[0], &world.people[1]);
    let (_, ask) = world.ask("singular", json!([format!("user:{}", gone.id)])).await;
    admin.user_delete(gone.id).await.unwrap();
    let delegate = ApprovalDelegate {
        from: gone.id,
        to: deputy.id,
    };
    let shown = admin.approval_delegate(ask, &delegate).await.unwrap();
    let asked = &shown.approval.people[0];
    assert_eq!(
        (asked.cannot_answer.as_ref(), asked.instead_of.as_ref()),
        (None, Some(&gone.name))
    );
    let approved = answer(&deputy.client, ask, Decision::Approve).await.unwrap();
    assert_eq!(approved.approval.state, ApprovalState::Approved);
}

async fn an_administrator_puts_somebody_in_anothers_place(server: TestServer) {
    let world = world(server, 2).await;
    let web = world.server.agent("web-1").await;
    let admin = world.server.admin();
    let (id, ask) = world
        .ask("singular", json!([format!("user:{}", world.people[0].id)]))
        .await;
    let delegate = ApprovalDelegate {
        from: world.people[0].id,
        to: world.people[1].id,
    };
    assert_eq!(
        refused(world.people[1].client.approval_delegate(ask, &delegate).await),
        no(403, "permission_missing")
    );
    let tenant = world.tenant;
    let auditor = world
        .server
        .person(tenant, &[(Role::Auditor, Scope::Tenant(tenant))])
        .await;
    let elsewhere = world.server.tenant("elsewhere").await.id;
    let stranger = approver(&world.server, elsewhere).await;
    for (to, lacks) in [
        (
            auditor.id,
            format!("is {}, who lacks workflows.manage", auditor.name),
        ),
        (stranger.id, format!("is user {}, who is not there", stranger.id)),
        (UserId(999), "is user 999, who is not there".to_owned()),
    ] {
        let nobody = ApprovalDelegate {
            to,
            ..delegate.clone()
        };
        let error = admin.approval_delegate(ask, &nobody).await.expect_err("refused");
        let told = &error.problem().unwrap().errors[0];
        assert_eq!(told.field, "to");
        assert!(told.message.starts_with(&lacks), "{}", told.message);
    }
    let shown = admin.approval_delegate(ask, &delegate).await.unwrap();
    assert_eq!(
        shown.approval.people[0].instead_of.as_deref(),
        Some(world.people[0].name.as_str())
    );
    assert_eq!(
        refused(answer(&world.people[0].client, ask, Decision::Approve).await),
        no(403, "not_asked")
    );
    answer(&world.people[1].client, ask, Decision::Approve)
        .await
        .unwrap();
    runs(&web, "", 0).await;
    until_state(&world.server, id, InstanceState::Completed).await;
}

async fn whoever_started_it_takes_anothers_place_only_where_the_step_allows_it(server: TestServer) {
    let world = world(server, 1).await;
    let admin = world.server.admin();
    let ask = async |allowed: bool| {
        let steps = json!([{"id": "ask", "type": "approval", "title": "T", "approval_type": "singular",
            "approvers": world.everybody(), "allow_self_approval": allowed}]);
        let id = started(&world.server, &["web-1"], steps).await;
        let run = until_begun(&world.server, id, "ask", 1).await;
        let shown = admin.approval_show(run.approval_id.unwrap()).await.unwrap();
        assert_eq!(shown.allow_self_approval, allowed);
        shown.approval.id
    };
    let delegate = ApprovalDelegate {
        from: world.people[0].id,
        // The first administrator.
        to: UserId(1),
    };
    let others = ask(false).await;
    assert_eq!(
        refused(admin.approval_delegate(others, &delegate).await),
        no(409, "self_approval")
    );
    let own = ask(true).await;
    admin.approval_delegate(own, &delegate).await.unwrap();
    let approved = answer(&admin, own, Decision::Approve).await.unwrap();
    assert_eq!(approved.approval.state, ApprovalState::Approved);
}

async fn too_few_people_fail_the_step(server: TestServer) {
    let world = world(server, 1).await;
    let steps = json!([{"id": "ask", "type": "approval", "title": "T", "approval_type": "two_of_many", "approvers": ["role:approver"]}]);
    let admin = world.server.admin();
    let made = saved(&admin, "asks", json!({"steps": steps})).await.unwrap();
    // It could not be published so.
    let draft = serde_json::from_value(json!({"draft": true})).unwrap();
    let started = admin.instance_create(made.workflow.id, &draft, &key()).await;
    let detail = until_state(&world.server, started.unwrap().id, InstanceState::Failed).await;
    assert!(
        detail.runs[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("too few for this type"),
        "{detail:?}"
    );
}

async fn a_cancelled_workflow_withdraws_its_question(server: TestServer) {
    let world = world(server, 1).await;
    let (id, ask) = world.ask("singular", world.everybody()).await;
    let cancel = serde_json::from_value(json!({})).unwrap();
    world.server.admin().instance_cancel(id, &cancel).await.unwrap();
    until_state(&world.server, id, InstanceState::Cancelled).await;
    let shown = world.server.admin().approval_show(ask).await.unwrap();
    assert_eq!(shown.approval.state, ApprovalState::Withdrawn);
    assert_eq!(
        refused(answer(&world.people[0].client, ask, Decision::Approve).await),
        no(409, "approval_ended")
    );
}

async fn answers_that_do_not_fit_are_refused(server: TestServer) {
    let world = world(server, 2).await;
    let (_, ask) = world.ask("all", json!(["role:approver"])).await;
    let client = &world.people[0].client;
    answer(client, ask, Decision::Approve).await.unwrap();
    assert_eq!(
        refused(answer(client, ask, Decision::Reject).await),
        no(409, "answered_already")
    );
    assert_eq!(
        refused(answer(client, ApprovalId(999), Decision::Approve).await),
        no(404, "not_found")
    );
    let long = ApprovalAnswer {
        decision: Decision::Approve,
        comment: Some("x".repeat(2001)),
        work_sha256: None,
    };
    assert_eq!(
        crate::wrong_field(world.people[1].client.approval_answer(ask, &long).await),
        "comment"
    );
    let elsewhere = world.server.tenant("elsewhere").await.id;
    let stranger = world
        .server
        .person(elsewhere, &[(Role::TenantOwner, Scope::Tenant(elsewhere))])
        .await
        .client;
    assert_eq!(
        refused(answer(&stranger, ask, Decision::Approve).await),
        no(404, "not_found")
    );
    assert_eq!(refused(stranger.approval_show(ask).await), no(404, "not_found"));
}

async fn the_list_shows_what_waits_for_me(server: TestServer) {
    let world = world(server, 2).await;
    let (_, first) = world.ask("all", json!(["role:approver"])).await;
    let (_, second) = world
        .ask("singular", json!([format!("user:{}", world.people[1].id)]))
        .await;
    let mine = async |person: &Person| {
        let listed = person
            .client
            .approval_list(&filtered(&[("mine", "true")]))
            .await
            .unwrap()
            .items;
        listed.into_iter().map(|approval| approval.id).collect::<Vec<_>>()
    };
    assert_eq!(mine(&world.people[0]).await, [first]);
    assert_eq!(mine(&world.people[1]).await, [second, first]);
    answer(&world.people[1].client, first, Decision::Approve)
        .await
        .unwrap();
    assert_eq!(mine(&world.people[1]).await, [second]);
    let open = world
        .server
        .admin()
        .approval_list(&filtered(&[("state", "open")]))
        .await
        .unwrap()
        .items;
    assert_eq!(open.len(), 2);
    let all = world
        .server
        .admin()
        .approval_list(&ListRequest::default())
        .await
        .unwrap()
        .items;
    assert_eq!(all.len(), 2);
}
