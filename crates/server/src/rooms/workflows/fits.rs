//! Whether what a workflow names is there and takes what it is given: a version that could not run is not published. What
//! is only known when a step begins, as the values of placeholders, is left to that moment.

use std::{collections::BTreeMap, fmt::Display};

use postern_api::targets::Targets;
use postern_domain::{
    UserId, WorkflowId,
    approval::can_open,
    expression::Template,
    fill::escaped,
    member::Member,
    parameter::{self, Parameter},
    permission::{Permission, Place},
    workflow::{
        ActionStep, ApprovalStep, Definition, Problem, Problems, ScriptStep, Severity, Step, Work,
        WorkflowStep, each_step,
    },
};
use postern_store::{Tx, uses::Used, workflows};
use serde_json::Value;

use super::{
    approve::{self, Holders},
    draft::definition_of,
    names,
    payloads::Sample,
    perform::reason_of,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{Caller, caller_of},
    rooms::{
        agents::targets::missing,
        scripts::{actions::run as actions, run as scripts},
    },
};

/// Who asks, and about which workflow.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) app: &'a App,
    pub(super) caller: &'a Caller,
    pub(super) id: WorkflowId,
    pub(super) place: Place,
}

/// People that one look asks for, each by a statement of its own. Whoever is named beyond is not looked at: the step that
/// asks them does that before it opens.
const MAX_PEOPLE: usize = 1_000;

/// What was found of what a definition names.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Each once.
    pub(super) used: Vec<(Used, i64)>,
    /// By step: the id that its name stands for.
    pub(super) ids: BTreeMap<String, i64>,
    /// Why it cannot run as things are. A draft may be saved so.
    pub(super) problems: Problems,
}

/// Looks for everything that a definition names, as far as the caller may see it.
pub(super) async fn look(asked: Asked<'_>, tx: &mut Tx<'_>, definition: &Definition) -> Result<Found> {
    let mut look = Look {
        asked,
        definition,
        people: People::default(),
        found: Found::default(),
    };
    let mut steps = Vec::new();
    each_step(&definition.steps, "/steps", &mut |pointer, step| {
        if !matches!(step.work, Work::Parallel(_)) {
            steps.push((pointer.to_owned(), step.clone()));
        }
    });
    look.hosts(tx, "", definition.hosts.as_ref()).await?;
    for (pointer, step) in steps {
        look.step(tx, &pointer, &step).await?;
    }
    look.found.problems.name_steps(definition);
    Ok(look.found)
}

struct Look<'a> {
    asked: Asked<'a>,
    definition: &'a Definition,
    people: People,
    found: Found,
}

/// Who was asked for already: many steps may name the same.
#[derive(Default)]
struct People {
    holders: Holders,
    /// `None`: gone or switched off.
    known: BTreeMap<UserId, Option<Caller>>,
}

impl People {
    /// Whether it is known from now on who that is: not beyond the bound.
    async fn learn(&mut self, tx: &mut Tx<'_>, id: UserId) -> Result<bool> {
        if self.known.contains_key(&id) {
            return Ok(true);
        }
        if self.known.len() >= MAX_PEOPLE {
            return Ok(false);
        }
        let person = caller_of(tx, id, None).await?;
        self.known.insert(id, person);
        Ok(true)
    }

    fn known(&self, id: UserId) -> Option<&Caller> {
        self.known.get(&id)?.as_ref()
    }
}

impl Look<'_> {
    async fn step(&mut self, tx: &mut Tx<'_>, pointer: &str, step: &Step) -> Result<()> {
        let hosts = match &step.work {
            Work::Script(script) => {
                self.script(tx, (pointer, step.id.as_str()), script).await?;
                script.on.hosts.as_ref()
            }
            Work::Action(action) => {
                self.action(tx, (pointer, step.id.as_str()), action).await?;
                None
            }
            Work::Workflow(workflow) => {
                self.workflow(tx, (pointer, step.id.as_str()), workflow).await?;
                workflow.hosts.as_ref()
            }
            Work::Approval(approval) => {
                self.approvers(tx, pointer, approval).await?;
                None
            }
            Work::Command(command) => command.on.hosts.as_ref(),
            Work::HttpRequest(request) => request.on.hosts.as_ref(),
            Work::Conditional(_) | Work::Delay(_) | Work::Notify(_) | Work::Parallel(_) => None,
        };
        self.hosts(tx, pointer, hosts).await
    }

    async fn script(
        &mut self,
        tx: &mut Tx<'_>,
        (pointer, step): (&str, &str),
        named: &ScriptStep,
    ) -> Result<()> {
        let caller = self.asked.caller;
        let (field, id) = names::script(tx, caller, named).await?;
        let Some(id) = id else {
            let what = called("script", named.script_id, named.script.as_deref());
            self.nowhere(pointer, field, &what);
            return Ok(());
        };
        self.uses((field == "script").then_some(step), (Used::Script, id.0));
        let asks = scripts::seen_parameters(tx, caller, id, named.version).await;
        let field = match &asks {
            Err(Error::NotFound { .. }) => "version",
            _ => field,
        };
        if let Some(asks) = self.unless_refused(format!("{pointer}/{field}"), asks)? {
            self.values(&format!("{pointer}/parameters"), &asks, &named.parameters);
        }
        Ok(())
    }

    async fn action(
        &mut self,
        tx: &mut Tx<'_>,
        (pointer, step): (&str, &str),
        named: &ActionStep,
    ) -> Result<()> {
        let Asked { app, caller, .. } = self.asked;
        let (field, id) = names::action(tx, caller, named).await?;
        let Some(id) = id else {
            let what = called("action", named.action_id, named.action.as_deref());
            self.nowhere(pointer, field, &what);
            return Ok(());
        };
        self.uses((field == "action").then_some(step), (Used::Action, id.0));
        let seen = actions::seen(app, tx, caller, id).await;
        let Some(seen) = self.unless_refused(format!("{pointer}/{field}"), seen)? else {
            return Ok(());
        };
        self.values(&format!("{pointer}/parameters"), &seen.asks, &named.parameters);
        if seen.draws_password(app, &known_of(&named.parameters))? {
            let problem = "names an action that draws a password: that is shown once, and nobody watches a workflow. Give the \
                           action a fixed password, or a secret parameter \"password\" and a value for it here";
            self.problem(format!("{pointer}/{field}"), problem.to_owned());
        }
        Ok(())
    }

    async fn workflow(
        &mut self,
        tx: &mut Tx<'_>,
        (pointer, step): (&str, &str),
        named: &WorkflowStep,
    ) -> Result<()> {
        let Asked {
            caller, place, id, ..
        } = self.asked;
        let (field, found) = names::workflow(tx, caller, place.tenant, named).await?;
        let found = match found {
            // Its name alone keeps nobody from deleting it.
            Some(found) if field == "workflow" => workflows::find_to_start(tx, found.id).await?,
            found => found,
        };
        let Some(found) = found else {
            let what = called("workflow", named.workflow_id, named.workflow.as_deref());
            self.nowhere(pointer, field, &what);
            return Ok(());
        };
        self.uses(
            (field == "workflow").then_some(step),
            (Used::Workflow, found.id.0),
        );
        let inputs = if found.id == id {
            self.definition.inputs.clone()
        } else {
            let version = match found.version {
                Some(number) => workflows::version(tx, found.id, number).await?,
                None => None,
            };
            let Some(version) = version else {
                let name = &found.name;
                let problem = format!("names {name:?}, which has no published version: publish it first");
                self.problem(format!("{pointer}/{field}"), problem);
                return Ok(());
            };
            definition_of(&version.definition)?.inputs
        };
        self.values(&format!("{pointer}/inputs"), &inputs, &named.inputs);
        Ok(())
    }

    /// Whoever starts it is not known yet, and counts.
    async fn approvers(&mut self, tx: &mut Tx<'_>, pointer: &str, ask: &ApprovalStep) -> Result<()> {
        let place = self.asked.place;
        let mut all_there = true;
        for (number, approver) in ask.approvers.iter().enumerate() {
            let Ok(Member::User(id)) = approver.parse::<Member>() else {
                continue;
            };
            if !self.people.learn(tx, id).await? {
                return Ok(());
            }
            let tenant = self.people.known(id).map(Caller::tenant).transpose()?;
            if tenant != Some(place.tenant) {
                all_there = false;
                let problem = format!("names user {id}, who is not there or is switched off");
                self.problem(format!("{pointer}/approvers/{number}"), problem);
            }
        }
        if !all_there {
            return Ok(());
        }
        let pointer = format!("{pointer}/approvers");
        let meant = approve::meant(tx, &mut self.people.holders, place, ask).await;
        let Some(meant) = self.unless_refused(pointer.clone(), meant)? else {
            return Ok(());
        };
        let mut people = 0;
        for (id, members) in meant {
            if !self.people.learn(tx, id).await? {
                return Ok(());
            }
            if let Some(person) = self.people.known(id) {
                people += usize::from(approve::may_answer(person, place, &members)?);
            }
            if can_open(ask.approval_type, people) {
                return Ok(());
            }
        }
        let problem = format!(
            "name {people} people who may answer: too few for this type of approval. Name others, or give them a role \
             with workflows.manage where the workflow lies"
        );
        self.problem(pointer, problem);
        Ok(())
    }

    async fn hosts(&mut self, tx: &mut Tx<'_>, pointer: &str, hosts: Option<&Targets>) -> Result<()> {
        let Some(hosts) = hosts else { return Ok(()) };
        let reach = self.asked.caller.reach(Permission::AgentsView);
        for what in missing(tx, &reach, &reach, hosts).await? {
            self.problem(format!("{pointer}/hosts"), format!("name {what}"));
        }
        Ok(())
    }

    fn values(&mut self, pointer: &str, asks: &[Parameter], given: &BTreeMap<String, Value>) {
        for error in parameter::problems(asks, &known_of(given)) {
            self.problem(format!("{pointer}/{}", escaped(&error.name)), error.problem);
        }
    }

    fn uses(&mut self, by_name: Option<&str>, used: (Used, i64)) {
        if let Some(step) = by_name {
            self.found.ids.insert(step.to_owned(), used.1);
        }
        if !self.found.used.contains(&used) {
            self.found.used.push(used);
        }
    }

    fn nowhere(&mut self, pointer: &str, field: &str, what: &str) {
        let problem = format!("names {what}, which is not there, or which you may not see");
        self.problem(format!("{pointer}/{field}"), problem);
    }

    fn problem(&mut self, pointer: String, message: String) {
        self.found.problems.0.push(Problem {
            severity: Severity::Warning,
            pointer,
            step: None,
            span: None,
            message,
        });
    }

    /// A refusal is a problem of what it is about; only a failure of the database or of the server itself is an error.
    fn unless_refused<T>(&mut self, pointer: String, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error @ (Error::Store(_) | Error::Internal(_))) => Err(error),
            Err(refused) => {
                self.problem(pointer, reason_of(&refused));
                Ok(None)
            }
        }
    }
}

/// `script 7`, `script "patch"`
fn called(what: &str, id: Option<impl Display>, name: Option<&str>) -> String {
    match id {
        Some(id) => format!("{what} {id}"),
        None => format!("{what} {:?}", name.unwrap_or_default()),
    }
}

fn known_of(given: &BTreeMap<String, Value>) -> BTreeMap<String, Option<Value>> {
    given
        .iter()
        .map(|(name, value)| (name.clone(), known(value)))
        .collect()
}

/// A value as far as it is known: not one with placeholders in it.
fn known(value: &Value) -> Option<Value> {
    let Value::String(text) = value else {
        return Some(value.clone());
    };
    let template = Template::parse(text).ok()?;
    let fixed = template.paths().next().is_none();
    fixed.then(|| template.value(&Sample).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_a_placeholder_is_not_known_yet() {
        for (value, known_as) in [
            (json!("90"), Some(json!("90"))),
            (json!(90), Some(json!(90))),
            (json!("{{\"{{\"}}"), Some(json!("{{"))),
            (json!("{{inputs.n}}"), None),
            (json!("no. {{inputs.n}}"), None),
        ] {
            assert_eq!(known(&value), known_as, "{value}");
        }
    }
}
