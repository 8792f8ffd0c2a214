//! From what a person types to an id. Digits are an id first and a name second; a name must fit exactly, and
//! only once.

use std::str::FromStr;

use postern_api::{
    ListRequest,
    actions::Action,
    agents::Agent,
    groups::Group,
    identity::{Organization, User},
    notify::Webhook,
    schedules::{Calendar, Schedule},
    scripts::{SavedScript, ScriptKind},
    workflows::Workflow,
};
use postern_client::Client;
use postern_domain::{DepartmentId, OrganizationId, TenantId, permission::Scope};

use crate::failure::Failure;

/// More objects of one name prefix than this are not looked through.
const CANDIDATES: usize = 10_000;

pub(crate) async fn agent(client: &Client, text: &str) -> Result<Agent, Failure> {
    if let Some(found) = by_id(text, |id| client.agent_show(id)).await? {
        return Ok(found);
    }
    let found = client.agent_list_all(&search(text), CANDIDATES).await?.items;
    let named = found.into_iter().filter(|agent| agent.name == text).collect();
    one("agent", text, named, |agent| {
        format!("{} (organization {})", agent.id, agent.organization)
    })
}

/// A script or a library. The id of one of the other kind is no answer: what is asked for by it may be its end.
pub(crate) async fn script(client: &Client, kind: ScriptKind, text: &str) -> Result<SavedScript, Failure> {
    let found = by_id(text, |id| client.script_show(id)).await?;
    let found = found.map(|detail| detail.script);
    if let Some(script) = found.filter(|script| script.kind == kind) {
        return Ok(script);
    }
    let named = scripts_named(client, kind, text).await?;
    one(kind.as_str(), text, named, |script| script.id.to_string())
}

/// `None` when there is none.
pub(crate) async fn script_named(
    client: &Client,
    kind: ScriptKind,
    name: &str,
) -> Result<Option<SavedScript>, Failure> {
    let named = scripts_named(client, kind, name).await?;
    some(one(kind.as_str(), name, named, |script| script.id.to_string()))
}

async fn scripts_named(client: &Client, kind: ScriptKind, name: &str) -> Result<Vec<SavedScript>, Failure> {
    let request = ListRequest {
        filter: vec![
            ("kind".to_owned(), kind.as_str().to_owned()),
            ("name".to_owned(), name.to_owned()),
        ],
        ..ListRequest::default()
    };
    Ok(client.script_list_all(&request, CANDIDATES).await?.items)
}

pub(crate) async fn group(client: &Client, text: &str) -> Result<Group, Failure> {
    if let Some(found) = by_id(text, |id| client.group_show(id)).await? {
        return Ok(found);
    }
    let found = client.group_list_all(&search(text), CANDIDATES).await?.items;
    let named = found.into_iter().filter(|group| group.name == text).collect();
    one("group", text, named, |group| group.id.to_string())
}

pub(crate) async fn action(client: &Client, text: &str) -> Result<Action, Failure> {
    let shown = |id| async move { Ok(client.action_show(id).await?.action) };
    if let Some(found) = by_id(text, shown).await? {
        return Ok(found);
    }
    action_of_name(client, text).await
}

/// `None` when there is none.
pub(crate) async fn action_named(client: &Client, name: &str) -> Result<Option<Action>, Failure> {
    some(action_of_name(client, name).await)
}

async fn action_of_name(client: &Client, name: &str) -> Result<Action, Failure> {
    let request = ListRequest {
        filter: vec![("name".to_owned(), name.to_owned())],
        ..ListRequest::default()
    };
    let named = client.action_list_all(&request, CANDIDATES).await?.items;
    one("action", name, named, |action| action.id.to_string())
}

pub(crate) async fn workflow(client: &Client, text: &str) -> Result<Workflow, Failure> {
    let shown = |id| async move { Ok(client.workflow_show(id).await?.workflow) };
    if let Some(found) = by_id(text, shown).await? {
        return Ok(found);
    }
    workflow_of_name(client, text).await
}

/// `None` when there is none.
pub(crate) async fn workflow_named(client: &Client, name: &str) -> Result<Option<Workflow>, Failure> {
    some(workflow_of_name(client, name).await)
}

async fn workflow_of_name(client: &Client, name: &str) -> Result<Workflow, Failure> {
    let request = ListRequest {
        filter: vec![("name".to_owned(), name.to_owned())],
        ..ListRequest::default()
    };
    let named = client.workflow_list_all(&request, CANDIDATES).await?.items;
    one("workflow", name, named, |workflow| workflow.id.to_string())
}

pub(crate) async fn schedule(client: &Client, text: &str) -> Result<Schedule, Failure> {
    if let Some(found) = by_id(text, |id| client.schedule_show(id)).await? {
        return Ok(found);
    }
    schedule_of_name(client, text).await
}

/// `None` when there is none.
pub(crate) async fn schedule_named(client: &Client, name: &str) -> Result<Option<Schedule>, Failure> {
    some(schedule_of_name(client, name).await)
}

async fn schedule_of_name(client: &Client, name: &str) -> Result<Schedule, Failure> {
    let found = client.schedule_list_all(&search(name), CANDIDATES).await?.items;
    let named = found
        .into_iter()
        .filter(|schedule| schedule.name == name)
        .collect();
    one("schedule", name, named, |schedule| schedule.id.to_string())
}

pub(crate) async fn calendar(client: &Client, text: &str) -> Result<Calendar, Failure> {
    if let Some(found) = by_id(text, |id| client.calendar_show(id)).await? {
        return Ok(found);
    }
    let found = client.calendar_list_all(&search(text), CANDIDATES).await?.items;
    let named = found
        .into_iter()
        .filter(|calendar| calendar.name == text)
        .collect();
    one("calendar", text, named, |calendar| calendar.id.to_string())
}

pub(crate) async fn webhook(client: &Client, text: &str) -> Result<Webhook, Failure> {
    if let Some(found) = by_id(text, |id| client.webhook_show(id)).await? {
        return Ok(found);
    }
    let found = client.webhook_list_all(&search(text), CANDIDATES).await?.items;
    let named = found.into_iter().filter(|webhook| webhook.name == text).collect();
    one("webhook", text, named, |webhook| webhook.id.to_string())
}

pub(crate) async fn user(client: &Client, text: &str) -> Result<User, Failure> {
    if let Some(found) = by_id(text, |id| client.user_show(id)).await? {
        return Ok(found);
    }
    let found = client.user_list_all(&search(text), CANDIDATES).await?.items;
    let named = found.into_iter().filter(|user| user.username == text).collect();
    one("user", text, named, |user| {
        format!("{} (tenant {})", user.id, user.tenant_id)
    })
}

/// Where something belongs. A department alone also says which organization.
pub(crate) async fn place(
    client: &Client,
    inside: Option<&str>,
    department_text: Option<&str>,
) -> Result<(Option<OrganizationId>, Option<DepartmentId>), Failure> {
    let inside = match inside {
        Some(text) => Some(organization(client, text).await?.id),
        None => None,
    };
    match department_text {
        Some(text) => {
            let (organization, department) = department(client, text, inside).await?;
            Ok((Some(organization), Some(department)))
        }
        None => Ok((inside, None)),
    }
}

pub(crate) async fn organization(client: &Client, text: &str) -> Result<Organization, Failure> {
    let all = client
        .organization_list_all(&ListRequest::default(), CANDIDATES)
        .await?
        .items;
    pick_organization(all, text)
}

fn pick_organization(all: Vec<Organization>, text: &str) -> Result<Organization, Failure> {
    let id = text.parse::<OrganizationId>().ok();
    if let Some(found) = all.iter().find(|organization| Some(organization.id) == id) {
        return Ok(found.clone());
    }
    let named = all
        .into_iter()
        .filter(|organization| organization.name == text)
        .collect();
    one("organization", text, named, |organization| {
        format!("{} (tenant {})", organization.id, organization.tenant_id)
    })
}

/// `inside` narrows a name down to one organization.
pub(crate) async fn department(
    client: &Client,
    text: &str,
    inside: Option<OrganizationId>,
) -> Result<(OrganizationId, DepartmentId), Failure> {
    let all = client
        .organization_list_all(&ListRequest::default(), CANDIDATES)
        .await?
        .items;
    pick_department(&all, text, inside)
}

fn pick_department(
    all: &[Organization],
    text: &str,
    inside: Option<OrganizationId>,
) -> Result<(OrganizationId, DepartmentId), Failure> {
    let id = text.parse::<DepartmentId>().ok();
    let departments = || {
        all.iter()
            .filter(|organization| inside.is_none_or(|wanted| wanted == organization.id))
            .flat_map(|organization| {
                organization
                    .departments
                    .iter()
                    .map(move |department| (organization, department))
            })
    };
    if let Some((organization, department)) = departments().find(|(_, department)| Some(department.id) == id)
    {
        return Ok((organization.id, department.id));
    }
    let named: Vec<_> = departments()
        .filter(|(_, department)| department.name == text)
        .collect();
    let (organization, department) = one("department", text, named, |(organization, department)| {
        format!("{} (organization {})", department.id, organization.name)
    })?;
    Ok((organization.id, department.id))
}

/// `cluster`, `tenant:1`, `organization:default`, `department:7`.
pub(crate) async fn scope(client: &Client, text: &str) -> Result<Scope, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "{text:?} is not a scope: give cluster, tenant:ID, organization:NAME or department:NAME"
        ))
    };
    match text.split_once(':') {
        None if text == "cluster" => Ok(Scope::Cluster),
        Some(("tenant", id)) => Ok(Scope::Tenant(id.parse::<TenantId>().map_err(|_| wrong())?)),
        Some(("organization", name)) => Ok(Scope::Organization(organization(client, name).await?.id)),
        Some(("department", name)) => Ok(Scope::Department(department(client, name, None).await?.1)),
        _ => Err(wrong()),
    }
}

pub(crate) async fn script_ids(client: &Client, texts: &[String]) -> Result<Vec<String>, Failure> {
    let of_name = async |name: &str| {
        let found = script(client, ScriptKind::Script, name).await;
        found.map(|script| script.id.to_string())
    };
    ids(texts, of_name).await
}

pub(crate) async fn action_ids(client: &Client, texts: &[String]) -> Result<Vec<String>, Failure> {
    let of_name = async |name: &str| {
        let found = action_of_name(client, name).await;
        found.map(|action| action.id.to_string())
    };
    ids(texts, of_name).await
}

pub(crate) async fn schedule_ids(client: &Client, texts: &[String]) -> Result<Vec<String>, Failure> {
    let of_name = async |name: &str| {
        let found = schedule_of_name(client, name).await;
        found.map(|schedule| schedule.id.to_string())
    };
    ids(texts, of_name).await
}

/// What a list is narrowed down to. Ids are taken as they are, as what they belong to may be gone; names are looked up.
async fn ids(
    texts: &[String],
    of_name: impl AsyncFn(&str) -> Result<String, Failure>,
) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::with_capacity(texts.len());
    for text in texts {
        ids.push(if is_ids(text) {
            text.clone()
        } else {
            of_name(text).await?
        });
    }
    Ok(ids)
}

/// One id, or several with commas between them.
fn is_ids(text: &str) -> bool {
    text.split(',').all(|part| part.parse::<i64>().is_ok())
}

fn search(text: &str) -> ListRequest {
    ListRequest {
        search: Some(text.to_owned()),
        ..ListRequest::default()
    }
}

/// `None` when it is no id, or nobody's.
async fn by_id<I: FromStr, T>(
    text: &str,
    show: impl AsyncFnOnce(I) -> Result<T, postern_client::Error>,
) -> Result<Option<T>, Failure> {
    let Ok(id) = text.parse() else { return Ok(None) };
    match show(id).await {
        Err(error) if error.status() == Some(404) => Ok(None),
        answer => Ok(Some(answer?)),
    }
}

/// Nothing found is an answer as well.
fn some<T>(found: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match found {
        Err(Failure::NotFound(_)) => Ok(None),
        found => found.map(Some),
    }
}

fn one<T>(what: &str, text: &str, mut found: Vec<T>, describe: impl Fn(&T) -> String) -> Result<T, Failure> {
    match found.pop() {
        None => Err(Failure::NotFound(format!(
            "there is no {what} {text:?} that you may see: `postern {what} list` shows those there are"
        ))),
        Some(only) if found.is_empty() => Ok(only),
        Some(last) => {
            found.push(last);
            let ids: Vec<String> = found.iter().map(describe).collect();
            Err(Failure::usage(format!(
                "there are {} of {what} {text:?}: give one of the ids {}",
                found.len(),
                ids.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use postern_api::identity::Department;

    use super::*;

    fn organization(id: i64, name: &str, departments: &[(i64, &str)]) -> Organization {
        Organization {
            id: OrganizationId(id),
            tenant_id: TenantId(1),
            name: name.into(),
            renew_credentials: true,
            departments: departments
                .iter()
                .map(|(id, name)| Department {
                    id: DepartmentId(*id),
                    name: (*name).into(),
                })
                .collect(),
        }
    }

    #[test]
    fn an_id_goes_before_a_name_of_the_same_digits() {
        let all = vec![
            organization(1, "2", &[]),
            organization(2, "1", &[]),
            organization(3, "9", &[]),
        ];
        assert_eq!(pick_organization(all.clone(), "1").unwrap().id, OrganizationId(1));
        assert_eq!(pick_organization(all, "9").unwrap().id, OrganizationId(3));
    }

    #[tokio::test]
    async fn a_list_is_narrowed_down_by_ids_of_what_is_gone_and_by_names() {
        let texts = ["7".to_owned(), "8,9".to_owned(), "nightly".to_owned()];
        let of_name = async |name: &str| match name {
            "nightly" => Ok("12".to_owned()),
            other => Err(Failure::NotFound(other.to_owned())),
        };
        assert_eq!(ids(&texts, &of_name).await.unwrap(), ["7", "8,9", "12"]);
        assert!(ids(&["8,gone".to_owned()], &of_name).await.is_err());
    }

    #[test]
    fn several_of_one_name_are_listed_and_none_is_not_found() {
        let all = vec![
            organization(1, "north", &[(10, "web")]),
            organization(2, "south", &[(20, "web")]),
        ];
        let failure = pick_department(&all, "web", None).unwrap_err();
        let text = failure.lines().concat();
        assert!(matches!(failure, Failure::Usage(_)));
        assert!(
            text.contains("10 (organization north)") && text.contains("20 (organization south)"),
            "{text}"
        );
        let inside = pick_department(&all, "web", Some(OrganizationId(2))).unwrap();
        assert_eq!(inside, (OrganizationId(2), DepartmentId(20)));
        assert!(matches!(
            pick_department(&all, "db", None),
            Err(Failure::NotFound(_))
        ));
    }
}
