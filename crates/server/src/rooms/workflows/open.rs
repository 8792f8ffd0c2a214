//! Values that are not known yet when people are asked. Where one belongs stands its placeholder as it is written: all
//! around it can be shown then, and compared once it is known. Nothing runs like that.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use postern_domain::{
    expression::{Path, Variables},
    workflow::{Plan, Scope, StepIndex},
};
use serde_json::Value;

/// What every instance of a workflow says of itself.
const OF_ALL: &str = "instance.workflow";

/// What is left open of a step.
#[derive(Debug, Clone, Copy)]
pub(super) enum Open<'a> {
    /// Nothing: what has no value is refused.
    Nothing,
    /// What has no value, what these steps leave, and what another instance that tries this one again says otherwise.
    Unknown(&'a BTreeSet<StepIndex>),
    /// Of an instance that is not there yet: what has no value, and what it will say of itself.
    Unmade,
    /// What was open when people were asked, and nothing else.
    AsAsked(&'a [String]),
}

/// What paths lead to, and what of it is left open.
#[derive(Debug)]
pub(super) struct Values<'a> {
    scope: Scope<'a>,
    plan: &'a Plan,
    open: Open<'a>,
    /// The paths that were asked for and left open, each as often as it was.
    left: Mutex<Vec<String>>,
}

impl<'a> Values<'a> {
    pub(super) const fn new(scope: Scope<'a>, plan: &'a Plan, open: Open<'a>) -> Self {
        Self {
            scope,
            plan,
            open,
            left: Mutex::new(Vec::new()),
        }
    }

    /// How often something was left open so far.
    pub(super) fn count(&self) -> usize {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The paths that were left open, each once.
    pub(super) fn into_open(self) -> Vec<String> {
        let left = self.left.into_inner().unwrap_or_else(PoisonError::into_inner);
        left.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn is_open(&self, path: &Path, known: bool) -> bool {
        match self.open {
            Open::Nothing => false,
            Open::Unknown(steps) => {
                let step = self.plan.of_variable(path.root());
                !known || is_of_one_instance(path) || step.is_some_and(|step| steps.contains(&step))
            }
            Open::Unmade => !known || is_of_one_instance(path),
            Open::AsAsked(paths) => paths.contains(&path.to_string()),
        }
    }
}

impl Variables for Values<'_> {
    fn value(&self, path: &Path) -> Option<Cow<'_, Value>> {
        let value = self.scope.value(path);
        if !self.is_open(path, value.is_some()) {
            return value;
        }
        let path = path.to_string();
        let text = placeholder(&path);
        self.left
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(path);
        Some(Cow::Owned(Value::from(text)))
    }

    fn why_missing(&self, path: &Path) -> Option<String> {
        self.scope.why_missing(path)
    }
}

fn is_of_one_instance(path: &Path) -> bool {
    path.root() == "instance" && path.to_string() != OF_ALL
}

/// A path as it is written in a text.
pub(super) fn placeholder(path: &str) -> String {
    format!("{{{{{path}}}}}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use postern_domain::{
        expression::Template,
        workflow::{StepResult, read},
    };
    use serde_json::json;

    use super::*;

    fn plan() -> Plan {
        let steps = json!([
            {"id": "one", "type": "command", "argv": ["one"]},
            {"id": "two", "type": "command", "argv": ["two"]},
        ]);
        Plan::new(read(json!({"steps": steps})).unwrap()).unwrap().0
    }

    /// A text with all its values, and what was left open, where step `one` has ended.
    fn filled(open: Open<'_>, text: &str) -> (Result<String, String>, Vec<String>) {
        let (plan, inputs) = (plan(), BTreeMap::new());
        let result = StepResult {
            status: "succeeded".into(),
            ..Default::default()
        };
        let results = BTreeMap::from([("one".to_owned(), result)]);
        let instance = BTreeMap::from([("id", 7.into()), ("workflow", "inner".into())]);
        let scope = Scope::new(&plan, &results, &inputs, instance);
        let values = Values::new(scope, &plan, open);
        let text = Template::parse(text).unwrap().text(&values);
        (text.map_err(|error| error.to_string()), values.into_open())
    }

    #[test]
    fn what_runs_has_all_its_values() {
        let (text, open) = filled(Open::Nothing, "{{instance.id}} {{step_one.status}}");
        assert_eq!((text.as_deref(), open.as_slice()), (Ok("7 succeeded"), &[][..]));
        let (text, _) = filled(Open::Nothing, "{{step_two.status}}");
        assert_eq!(text, Err("step_two.status does not exist".to_owned()));
    }

    #[test]
    fn what_is_not_known_yet_stands_as_it_is_written() {
        let text = "{{step_one.status}} {{step_two.status}} {{ variables.step_two.status }}";
        let (filled_now, open) = filled(Open::Unknown(&BTreeSet::new()), text);
        let expected = "succeeded {{step_two.status}} {{step_two.status}}";
        assert_eq!(filled_now.as_deref(), Ok(expected));
        assert_eq!(open, ["step_two.status"]);
        // What a step left is not what it leaves when it runs once more.
        let (filled_now, open) = filled(Open::Unknown(&BTreeSet::from([0])), "{{step_one.status}}");
        assert_eq!(filled_now.as_deref(), Ok("{{step_one.status}}"));
        assert_eq!(open, ["step_one.status"]);
    }

    #[test]
    fn an_instance_that_is_not_there_yet_says_of_itself_only_what_is_certain() {
        let text = "{{instance.workflow}} {{instance.id}} {{inputs.who}}";
        let (filled, open) = filled(Open::Unmade, text);
        assert_eq!(filled.as_deref(), Ok("inner {{instance.id}} {{inputs.who}}"));
        assert_eq!(open, ["inputs.who", "instance.id"]);
    }

    #[test]
    fn what_was_open_when_people_were_asked_is_so_once_it_is_known() {
        let asked = ["step_one.status".to_owned()];
        let (text, _) = filled(Open::AsAsked(&asked), "{{step_one.status}} {{instance.id}}");
        assert_eq!(text.as_deref(), Ok("{{step_one.status}} 7"));
        let (text, _) = filled(Open::AsAsked(&asked), "{{step_two.status}}");
        assert_eq!(text, Err("step_two.status does not exist".to_owned()));
    }
}
