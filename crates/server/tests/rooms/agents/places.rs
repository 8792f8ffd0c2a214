//! Organizations and departments as targets: each that is named is there, and stays the same under another name.

use std::fmt::Debug;

use postern_api::{
    actions::{ActionCreate, ActionDeploy, ActionRun},
    agents::AgentCreate,
    groups::{Group, GroupCreate, GroupUpdate},
    identity::{DepartmentCreate, Organization, OrganizationCreate, OrganizationUpdate},
    jobs::{JobCreate, JobReference},
    schedules::{Schedule, ScheduleCreate},
    targets::Targets,
    workflows::{InstanceCreate, WorkflowCreate, WorkflowPublish},
};
use postern_domain::{
    DepartmentId, OrganizationId,
    permission::{Role, Scope},
    workflow::engine::InstanceState,
};
use postern_store::{
    agents::groups::{self, GroupText},
    identity, tx,
};
use postern_testkit::{
    Tenant, TestServer, argv,
    client::{Client, Error},
    key,
};
use serde_json::{Value, json};

use crate::{
    on_both_databases,
    workflows::{command, published, until_state},
    wrong_field,
};

on_both_databases! {
    what_is_not_there_is_refused_wherever_it_is_named,
    what_lies_elsewhere_is_as_unknown,
    whoever_runs_jobs_in_a_department_may_name_its_organization,
    what_was_saved_goes_on_under_another_name,
    a_workflow_whose_organization_is_called_otherwise_runs_nowhere,
    a_schedule_whose_owner_may_not_run_there_any_more_says_where,
    a_group_that_names_what_is_not_there_says_so,
    a_name_that_several_departments_have_means_none,
    a_number_is_no_name,
}

fn targets(targets: &Value) -> Targets {
    serde_json::from_value(targets.clone()).unwrap()
}

async fn agent(server: &TestServer, name: &str, (lies, within): (OrganizationId, Option<DepartmentId>)) {
    let request = AgentCreate {
        name: name.into(),
        organization_id: Some(lies),
        department_id: within,
        labels: Default::default(),
    };
    server.admin().agent_create(&request, &key()).await.unwrap();
}

async fn department(server: &TestServer, organization: OrganizationId, name: &str) -> DepartmentId {
    let request = DepartmentCreate { name: name.into() };
    let made = server
        .admin()
        .department_create(organization, &request, &key())
        .await;
    made.unwrap().id
}

/// The first tenant with a second organization `north`, and an agent in each.
async fn with_north(server: &TestServer) -> (Tenant, OrganizationId) {
    let tenant = server.default_tenant().await;
    let north = server.organization(tenant.id, "north").await;
    agent(server, "d-1", (tenant.organization, None)).await;
    agent(server, "n-1", (north, None)).await;
    (tenant, north)
}

/// `north` is called `arctic`, and another organization with an agent has its name.
async fn taken_over(server: &TestServer, north: OrganizationId) {
    let admin = server.admin();
    rename(&admin, north, "arctic").await.unwrap();
    let request = OrganizationCreate { name: "north".into() };
    let other = admin.organization_create(&request, &key()).await.unwrap();
    agent(server, "x-1", (other.id, None)).await;
}

async fn rename(client: &Client, id: OrganizationId, name: &str) -> Result<Organization, Error> {
    let update = OrganizationUpdate {
        name: Some(name.into()),
        ..Default::default()
    };
    client.organization_update(id, &update).await
}

async fn hosts(client: &Client, wanted: Value) -> Vec<String> {
    let found = client.target_preview(&targets(&wanted)).await.unwrap();
    found.hosts.into_iter().map(|host| host.agent).collect()
}

fn agents_of(jobs: &[JobReference]) -> Vec<&str> {
    let mut agents: Vec<&str> = jobs.iter().map(|job| job.agent.as_str()).collect();
    agents.sort_unstable();
    agents
}

fn fresh() -> String {
    format!("x-{}", key().as_str().to_lowercase())
}

fn work() -> Value {
    json!({"kind": "job", "job": {"type": "command", "payload": {"argv": ["true"]}}})
}

async fn group(client: &Client, wanted: &Value) -> Result<Group, Error> {
    let request: GroupCreate = serde_json::from_value(json!({"name": fresh(), "targets": wanted})).unwrap();
    client.group_create(&request, &key()).await
}

async fn schedule(client: &Client, lies: Option<OrganizationId>, wanted: &Value) -> Result<Schedule, Error> {
    let definition = json!({"cron": "*/10 * * * *", "targets": wanted, "work": work()});
    let mut request: ScheduleCreate =
        serde_json::from_value(json!({"name": fresh(), "definition": definition})).unwrap();
    request.organization_id = lies;
    client.schedule_create(&request, &key()).await
}

fn action_on(wanted: &Value) -> ActionCreate {
    let definition = json!({"targets": wanted, "work": work()});
    serde_json::from_value(json!({"name": fresh(), "definition": definition})).unwrap()
}

/// The field that a request was refused for, and why.
#[track_caller]
fn told<T: Debug>(result: Result<T, Error>) -> (String, String) {
    let error = result.expect_err("a refusal");
    let problem = error.problem().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!(problem.status, 422, "{problem:?}");
    let wrong = problem.errors.first().expect("a field is named");
    (wrong.field.clone(), wrong.message.clone())
}

/// How each room that takes targets refuses these: fields and messages.
async fn refusals(client: &Client, wanted: &Value) -> Vec<(String, String)> {
    let job = JobCreate::new(argv(&["true"]), targets(wanted));
    let action = client.action_create(&action_on(wanted), &key()).await.unwrap();
    let deploy = ActionDeploy::default();
    let definition = json!({"hosts": wanted, "steps": [command("go", &["true"])]});
    let workflow: WorkflowCreate =
        serde_json::from_value(json!({"name": fresh(), "definition": definition})).unwrap();
    let workflow = client.workflow_create(&workflow, &key()).await.unwrap();
    assert_eq!(
        workflow.draft_problems.len(),
        1,
        "the draft is saved with a warning"
    );
    let publish = WorkflowPublish::default();
    vec![
        told(client.target_preview(&targets(wanted)).await),
        told(client.job_create(&job, &key()).await),
        told(group(client, wanted).await),
        told(schedule(client, None, wanted).await),
        told(client.action_deploy(action.action.id, &deploy, &key()).await),
        told(
            client
                .workflow_publish(workflow.workflow.id, &publish, &key())
                .await,
        ),
    ]
}

/// Everywhere for this field, and in these words.
async fn refused_everywhere(client: &Client, wanted: Value, (field, words): (&str, &str)) {
    let found = refusals(client, &wanted).await;
    let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [field, field, field, field, field, "draft.hosts"],
        "{found:?}"
    );
    for (_, message) in &found {
        assert!(message.contains(words), "{message}");
    }
}

async fn what_is_not_there_is_refused_wherever_it_is_named(server: TestServer) {
    with_north(&server).await;
    for (wanted, field, words) in [
        (
            json!({"agents": ["d-1"], "organizations": ["default", "nroth"]}),
            "targets.organizations",
            r#"name organization "nroth", which is not there"#,
        ),
        (
            json!({"agents": ["d-1"], "organizations": ["4711"]}),
            "targets.organizations",
            r#"name organization "4711", which is not there"#,
        ),
        (
            json!({"agents": ["d-1"], "departments": ["web", "wbe"]}),
            "targets.departments",
            r#"name department "wbe", which is not there"#,
        ),
        (
            json!({"agents": ["d-1"], "departments": ["4711"]}),
            "targets.departments",
            r#"name department "4711", which is not there"#,
        ),
        (
            json!({"agents": ["d-1"], "organizations": ["north"], "departments": ["web"]}),
            "targets.departments",
            r#"name department "web" of the organizations that are named, which is not there"#,
        ),
    ] {
        refused_everywhere(&server.admin(), wanted, (field, words)).await;
    }
    let all = json!({"organizations": ["default", "north"]});
    assert_eq!(hosts(&server.admin(), all).await, ["d-1", "n-1"]);
}

async fn what_lies_elsewhere_is_as_unknown(server: TestServer) {
    let (tenant, north) = with_north(&server).await;
    let other = server.tenant("other").await;
    let all = [(Role::Administrator, Scope::Tenant(tenant.id))];
    let anna = server.person(tenant.id, &all).await.client;
    for (field, name) in [
        ("organizations", "main".to_owned()),
        ("organizations", other.organization.to_string()),
        ("departments", other.department.to_string()),
    ] {
        let wanted = json!({"agents": ["d-1"], field: [name]});
        let words = format!("{name:?}, which is not there, or wh");
        let field = format!("targets.{field}");
        refused_everywhere(&anna, wanted, (field.as_str(), words.as_str())).await;
    }
    // The other tenant's department of the same name is none to her.
    let web = json!({"departments": ["web"], "agents": ["d-1"]});
    assert_eq!(hosts(&anna, web).await, ["d-1"]);
    let within = [(Role::Operator, Scope::Organization(tenant.organization))];
    let ben = server.person(tenant.id, &within).await.client;
    for name in ["north".to_owned(), north.to_string()] {
        let wanted = targets(&json!({"organizations": ["default", name]}));
        assert_eq!(told(ben.target_preview(&wanted).await).0, "targets.organizations");
    }
    assert_eq!(hosts(&ben, json!({"organizations": ["default"]})).await, ["d-1"]);
}

async fn whoever_runs_jobs_in_a_department_may_name_its_organization(server: TestServer) {
    let (tenant, _) = with_north(&server).await;
    agent(&server, "w-1", (tenant.organization, Some(tenant.department))).await;
    let within = [(Role::Operator, Scope::Department(tenant.department))];
    let anna = server.person(tenant.id, &within).await.client;
    for wanted in [
        json!({"organizations": ["default"]}),
        json!({"departments": ["web"]}),
    ] {
        assert_eq!(hosts(&anna, wanted).await, ["w-1"]);
    }
    let north = targets(&json!({"organizations": ["north"]}));
    assert_eq!(
        wrong_field(anna.target_preview(&north).await),
        "targets.organizations"
    );
}

async fn what_was_saved_goes_on_under_another_name(server: TestServer) {
    let (tenant, north) = with_north(&server).await;
    agent(&server, "w-1", (tenant.organization, Some(tenant.department))).await;
    let admin = server.admin();
    let wanted = json!({"organizations": ["north"]});
    let group = group(&admin, &wanted).await.unwrap();
    assert_eq!(group.targets.organizations, ["north"], "shown by name");
    let both = json!({"organizations": ["default", "north"]});
    let schedule = schedule(&admin, None, &both).await.unwrap();
    let action = admin.action_create(&action_on(&wanted), &key()).await.unwrap();
    let action = action.action.id;
    let deploy = ActionDeploy::default();
    admin.action_deploy(action, &deploy, &key()).await.unwrap();
    taken_over(&server, north).await;
    let by_group = json!({"groups": [group.name]});
    assert_eq!(hosts(&admin, by_group).await, ["n-1"]);
    let ran = admin
        .action_run(action, &ActionRun::default(), &key())
        .await
        .unwrap();
    assert_eq!(agents_of(&ran.jobs), ["n-1"]);
    let ran = admin.schedule_run(schedule.id, &key()).await.unwrap();
    assert_eq!(agents_of(&ran.jobs), ["d-1", "n-1", "w-1"]);
    let shown = admin.group_show(group.id).await.unwrap().targets;
    assert_eq!(shown.organizations, ["arctic"]);
    let shown = admin.schedule_show(schedule.id).await.unwrap().definition.targets;
    assert_eq!(shown.organizations, ["default", "arctic"]);
    let shown = admin.action_show(action).await.unwrap().deployed.unwrap();
    assert_eq!(shown.definition.targets.organizations, ["arctic"]);
    let execution = ran.execution_id.unwrap();
    let shown = admin.execution_show(execution).await.unwrap().targets;
    assert_eq!(shown.organizations, ["default", "arctic"]);
    // What is shown can be saved again.
    let update = GroupUpdate {
        targets: Some(admin.group_show(group.id).await.unwrap().targets),
        ..Default::default()
    };
    admin.group_update(group.id, &update).await.unwrap();
    let by_group = json!({"groups": [group.name]});
    assert_eq!(hosts(&admin, by_group).await, ["n-1"]);
}

async fn a_workflow_whose_organization_is_called_otherwise_runs_nowhere(server: TestServer) {
    let (_, north) = with_north(&server).await;
    let admin = server.admin();
    let wanted = json!({"organizations": ["default", "north"]});
    let definition = json!({"hosts": wanted, "steps": [command("go", &["true"])]});
    let id = published(&admin, "flow", definition).await;
    rename(&admin, north, "arctic").await.unwrap();
    let start = InstanceCreate::default();
    let instance = admin.instance_create(id, &start, &key()).await.unwrap().id;
    let ended = until_state(&server, instance, InstanceState::Failed).await;
    let why = serde_json::to_string(&ended).unwrap();
    assert!(
        why.contains("which is not there, or where you may not run jobs"),
        "{why}"
    );
    let jobs = admin.job_list(&Default::default()).await.unwrap().items;
    assert!(jobs.is_empty(), "{jobs:?}");
}

async fn a_schedule_whose_owner_may_not_run_there_any_more_says_where(server: TestServer) {
    let (tenant, north) = with_north(&server).await;
    let operator = |id| (Role::Operator, Scope::Organization(id));
    let roles = [operator(tenant.organization), operator(north)];
    let owner = server.person(tenant.id, &roles).await;
    let both = json!({"organizations": ["default", "north"]});
    let schedule = schedule(&owner.client, Some(tenant.organization), &both)
        .await
        .unwrap();
    let id = owner.id;
    server
        .write(tx!(tx => {
            for binding in identity::binding_list(tx, &[id]).await? {
                if binding.scope_id == north.0 {
                    identity::binding_delete(tx, binding.id).await?;
                }
            }
            Ok(())
        }))
        .await;
    let (field, message) = told(server.admin().schedule_run(schedule.id, &key()).await);
    assert_eq!(field, "targets.organizations");
    let words = format!(r#"name organization "{north}", which is not there, or where you may not run jobs"#);
    assert!(message.starts_with(&words), "{message}");
}

async fn a_group_that_names_what_is_not_there_says_so(server: TestServer) {
    with_north(&server).await;
    let admin = server.admin();
    let group = group(&admin, &json!({"organizations": ["north"]})).await.unwrap();
    let (id, name) = (group.id, group.name.clone());
    server
        .write(tx!(tx => {
            let text = GroupText {
                name,
                description: String::new(),
                targets: r#"{"agents":["1"],"organizations":["4711"]}"#.to_owned(),
                blackout: None,
            };
            groups::update(tx, id, &text).await
        }))
        .await;
    let by_group = targets(&json!({"agents": ["d-1"], "groups": [group.name]}));
    let (field, message) = told(admin.target_preview(&by_group).await);
    assert_eq!(field, "targets.groups");
    let words = r#"names organization "4711", which is not there any more: change the group"#;
    assert!(message.ends_with(words), "{message}");
}

async fn a_name_that_several_departments_have_means_none(server: TestServer) {
    let (tenant, north) = with_north(&server).await;
    let other = department(&server, north, "web").await;
    let it = department(&server, north, "it").await;
    agent(&server, "w-1", (tenant.organization, Some(tenant.department))).await;
    agent(&server, "w-2", (north, Some(other))).await;
    agent(&server, "i-1", (north, Some(it))).await;
    let admin = server.admin();
    let words = format!(
        r#"name department "web", of which there are several: give the id of the one that is meant ({}, {other})"#,
        tenant.department
    );
    let web = json!({"departments": ["web"]});
    refused_everywhere(&admin, web, ("targets.departments", words.as_str())).await;
    let within = json!({"organizations": ["north"], "departments": ["web"]});
    assert_eq!(hosts(&admin, within.clone()).await, ["w-2"]);
    let group = group(&admin, &within).await.unwrap();
    assert_eq!(
        group.targets.departments,
        [other.to_string()],
        "its name alone would not tell which it is"
    );
    let update = GroupUpdate {
        targets: Some(targets(&json!({"departments": [other.to_string(), "it"]}))),
        ..Default::default()
    };
    let group = admin.group_update(group.id, &update).await.unwrap();
    assert_eq!(group.targets.departments, [other.to_string(), "it".to_owned()]);
    let by_group = json!({"groups": [group.name]});
    assert_eq!(hosts(&admin, by_group).await, ["w-2", "i-1"]);
}

async fn a_number_is_no_name(server: TestServer) {
    let (tenant, north) = with_north(&server).await;
    let admin = server.admin();
    let create = OrganizationCreate { name: "2".into() };
    let (field, message) = told(admin.organization_create(&create, &key()).await);
    assert_eq!(field, "name");
    assert!(message.starts_with("must not be a number"), "{message}");
    assert_eq!(wrong_field(rename(&admin, north, "7").await), "name");
    let create = DepartmentCreate { name: "12".into() };
    assert_eq!(
        wrong_field(admin.department_create(north, &create, &key()).await),
        "name"
    );
    // One that has such a name from before keeps it.
    let old = server.organization(tenant.id, "4711").await;
    agent(&server, "o-1", (old, None)).await;
    let kept = rename(&admin, old, "4711").await.unwrap();
    assert_eq!(kept.name, "4711");
    let by_name = targets(&json!({"organizations": ["4711"]}));
    assert_eq!(
        wrong_field(admin.target_preview(&by_name).await),
        "targets.organizations",
        "a number is an id"
    );
    let group = group(&admin, &json!({"organizations": [old.to_string()]}))
        .await
        .unwrap();
    assert_eq!(group.targets.organizations, [old.to_string()]);
    let by_group = json!({"groups": [group.name]});
    assert_eq!(hosts(&admin, by_group).await, ["o-1"]);
}
