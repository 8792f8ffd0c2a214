//! Workflows: list, show, save, copy, delete.

use std::path::Path;

use postern_api::workflows::{
    Workflow, WorkflowClone, WorkflowCreate, WorkflowDetail, WorkflowPublish, WorkflowUpdate,
};
use postern_client::IdempotencyKey;
use postern_domain::{
    parameter::Parameter,
    workflow::{self, Route, Step, Work},
};

use super::{
    Apply,
    file::{self, WorkflowFile},
    validate::line,
    versions::workflow_publish,
};
use crate::{
    clock,
    commands::{
        list::{ListArguments, closing},
        scripts::manage::write_output,
    },
    context::Context,
    failure::Failure,
    lookup,
    output::Tone,
    words,
};

pub(super) async fn workflow_list(list: &ListArguments, context: &Context<'_>) -> Result<(), Failure> {
    let page = context
        .client
        .workflow_list_all(&list.request(&[]), list.limit())
        .await?;
    context.console.answer(&page, |page| {
        if !page.items.is_empty() {
            let head = ["ID", "NAME", "VERSION", "DRAFT", "STEPS", "CHANGED", "BY"];
            context.console.table(&head, page.items.iter().map(row).collect());
        }
        closing(context.console, page, "workflows");
    })
}

fn row(workflow: &Workflow) -> Vec<(String, Tone)> {
    let draft = if workflow.draft_differs { "differs" } else { "" };
    [
        workflow.id.to_string(),
        workflow.name.clone(),
        version(workflow),
        draft.to_owned(),
        workflow.steps.to_string(),
        words::relative(workflow.updated_at, clock::now()),
        workflow.updated_by.clone(),
    ]
    .into_iter()
    .map(|text| (text, Tone::Plain))
    .collect()
}

fn version(workflow: &Workflow) -> String {
    workflow
        .version
        .map_or_else(|| "not published".to_owned(), |version| version.to_string())
}

pub(super) async fn workflow_show(text: &str, context: &Context<'_>) -> Result<(), Failure> {
    let id = lookup::workflow(&context.client, text).await?.id;
    let detail = context.client.workflow_show(id).await?;
    context.console.answer(&detail, |detail| print(detail, context))
}

/// What runs; before anything was published, the draft.
fn print(detail: &WorkflowDetail, context: &Context<'_>) {
    let workflow = &detail.workflow;
    let shown = detail
        .published
        .as_ref()
        .map_or(&detail.draft, |version| &version.definition);
    context.console.fields(&[
        ("id", workflow.id.to_string()),
        ("name", workflow.name.clone()),
        ("description", workflow.description.clone()),
        ("version", version(workflow)),
        (
            "draft",
            if workflow.draft_differs {
                "says something else".to_owned()
            } else {
                "the same".to_owned()
            },
        ),
        ("asks for", inputs(&shown.inputs)),
        (
            "hosts",
            shown.hosts.as_ref().map(words::targets).unwrap_or_default(),
        ),
        (
            "changed",
            format!(
                "{} by {}",
                words::absolute(workflow.updated_at, clock::now()),
                workflow.updated_by
            ),
        ),
    ]);
    context.console.say("");
    let mut rows = Vec::new();
    step_rows(&shown.steps, 0, &mut rows);
    context
        .console
        .table(&["STEP", "TYPE", "ON SUCCESS", "ON FAILURE", "NAME"], rows);
    print_problems(detail, context);
}

fn inputs(inputs: &[Parameter]) -> String {
    let each: Vec<String> = inputs
        .iter()
        .map(|input| match input.required {
            true => format!("{} (required)", input.name),
            false => input.name.clone(),
        })
        .collect();
    each.join(", ")
}

/// Steps of branches stand below their parallel step, further in.
fn step_rows(steps: &[Step], depth: usize, rows: &mut Vec<Vec<(String, Tone)>>) {
    for step in steps {
        let (success, failure) = match &step.work {
            Work::Conditional(conditional) => (
                format!("true: {}", conditional.on_true),
                format!("false: {}", conditional.on_false),
            ),
            _ => (route(step.on_success.as_ref()), route(step.on_failure.as_ref())),
        };
        let cells = [
            format!("{}{}", "  ".repeat(depth), step.id),
            step.work.kind().to_owned(),
            success,
            failure,
            step.name.clone().unwrap_or_default(),
        ];
        rows.push(cells.into_iter().map(|text| (text, Tone::Plain)).collect());
        if let Work::Parallel(parallel) = &step.work {
            for branch in &parallel.branches {
                step_rows(&branch.steps, depth + 1, rows);
            }
        }
    }
}

fn route(route: Option<&Route>) -> String {
    route.map(ToString::to_string).unwrap_or_default()
}

fn print_problems(detail: &WorkflowDetail, context: &Context<'_>) {
    for problem in &detail.draft_problems {
        context
            .console
            .note(&format!("draft of {}: {}", detail.workflow.name, line(problem)));
    }
}

pub(super) async fn workflow_apply(apply: &Apply, context: &Context<'_>) -> Result<(), Failure> {
    // All are read before one is sent: a file that cannot be read leaves nothing half done.
    let mut wanted = Vec::new();
    for path in &apply.files {
        wanted.push(file::read(path)?);
    }
    for file in wanted {
        let (detail, came_to) = save(file, context).await?;
        let workflow = &detail.workflow;
        if !context.console.is_json() {
            print_problems(&detail, context);
        }
        if apply.publish && workflow.draft_differs {
            let request = WorkflowPublish {
                message: apply.message.clone(),
                based_on: Some(detail.draft_sha256.clone()),
            };
            workflow_publish(workflow.id, &request, context).await?;
            continue;
        }
        context.console.answer(&detail, |_| {
            context.console.say(&format!("{}: {came_to}", workflow.name));
            if workflow.draft_differs {
                context.console.note(&format!(
                    "`postern workflow publish {}` makes the draft run",
                    workflow.name
                ));
            }
        })?;
    }
    Ok(())
}

async fn save(file: WorkflowFile, context: &Context<'_>) -> Result<(WorkflowDetail, &'static str), Failure> {
    let client = &context.client;
    let (organization_id, department_id) =
        lookup::place(client, file.organization.as_deref(), file.department.as_deref()).await?;
    let Some(found) = lookup::workflow_named(client, &file.name).await? else {
        let (definition, source) = said(&file);
        let request = WorkflowCreate {
            name: file.name,
            description: file.description,
            organization_id,
            department_id,
            definition,
            source,
        };
        let made = client
            .workflow_create(&request, &IdempotencyKey::random())
            .await?;
        return Ok((made, "created"));
    };
    // One that is not asked to be somewhere stays where it is; none can be moved.
    if organization_id.is_some()
        && (organization_id, department_id) != (found.organization_id, found.department_id)
    {
        return Err(Failure::usage(format!(
            "{} is saved already, and belongs elsewhere: leave out organization and department, or choose another name",
            found.name
        )));
    }
    let now = client.workflow_show(found.id).await?;
    if says_the_same(&file, &now) {
        return Ok((now, "unchanged"));
    }
    let (definition, source) = said(&file);
    let request = WorkflowUpdate {
        name: None,
        description: Some(file.description),
        definition,
        source,
        based_on: Some(now.draft_sha256),
    };
    Ok((client.workflow_update(found.id, &request).await?, "draft saved"))
}

/// The text where there is one, else what it says: the server takes one of both.
fn said(file: &WorkflowFile) -> (Option<serde_json::Value>, Option<String>) {
    match &file.source {
        Some(source) => (None, Some(source.clone())),
        None => (Some(file.definition.clone()), None),
    }
}

/// Comments count. What cannot be read differs: the server says why.
fn says_the_same(file: &WorkflowFile, now: &WorkflowDetail) -> bool {
    file.description == now.workflow.description
        && (file.source.is_none() || file.source == now.draft_source)
        && workflow::read(file.definition.clone()).is_ok_and(|definition| definition == now.draft)
}

/// As a file that `apply` reads.
pub(super) async fn workflow_export(
    text: &str,
    output: Option<&Path>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let id = lookup::workflow(&context.client, text).await?.id;
    let detail = context.client.workflow_show(id).await?;
    write_output(&file::write(&detail)?, output, context)
}

pub(super) async fn workflow_clone(text: &str, name: String, context: &Context<'_>) -> Result<(), Failure> {
    let id = lookup::workflow(&context.client, text).await?.id;
    let copy = context
        .client
        .workflow_clone(id, &WorkflowClone { name }, &IdempotencyKey::random())
        .await?;
    context.console.answer(&copy, |copy| {
        context.console.say(&format!(
            "workflow {} ({}) is a copy of the draft of {text}",
            copy.workflow.name, copy.workflow.id
        ));
    })
}

pub(super) async fn workflow_rename(text: &str, name: String, context: &Context<'_>) -> Result<(), Failure> {
    let workflow = lookup::workflow(&context.client, text).await?;
    let request = WorkflowUpdate {
        name: Some(name),
        ..WorkflowUpdate::default()
    };
    let renamed = context.client.workflow_update(workflow.id, &request).await?;
    context.console.answer(&renamed, |renamed| {
        context.console.say(&format!(
            "workflow {} is called {} now",
            workflow.name, renamed.workflow.name
        ));
    })
}

pub(super) async fn workflow_delete(text: &str, yes: bool, context: &Context<'_>) -> Result<(), Failure> {
    let found = lookup::workflow(&context.client, text).await?;
    let question = format!(
        "Delete workflow {} with its versions and its ended instances?",
        found.name
    );
    context.console.confirm(&question, yes)?;
    context.client.workflow_delete(found.id).await?;
    if !context.console.is_json() {
        context
            .console
            .say(&format!("workflow {} is deleted", found.name));
    }
    Ok(())
}
