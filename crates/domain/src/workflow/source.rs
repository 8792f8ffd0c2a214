//! What people write, as a definition: flat steps and steps nested in `config`, and nothing unknown.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    definition::{ContinueOn, Definition, Position, Retries},
    fields::{
        Field, Need, OF_BRANCH, OF_EVERY_STEP, OF_INPUT, OF_THE_VAULT, OF_WORKFLOW, Part, Shape, TYPES,
        of_type,
    },
    plan::nearest,
    problem::Problems,
};
use crate::targets::Targets;

/// Reads a definition. What is read is the same in JSON and in YAML.
pub fn read(source: Value) -> Result<Definition, Problems> {
    let mut reader = Reader::default();
    let Value::Object(mut fields) = source else {
        reader.problems.error("", "must be an object with steps");
        return Err(reader.problems);
    };
    reader.fields(&fields, "", OF_WORKFLOW.iter().copied());
    reader.inputs(&fields);
    reader.part(&fields, "", "hosts", Part::Hosts);
    reader.steps(&mut fields, "");
    reader.decode(Value::Object(fields))
}

#[derive(Default)]
struct Reader {
    problems: Problems,
}

impl Reader {
    fn decode(mut self, normal: Value) -> Result<Definition, Problems> {
        if self.problems.has_errors() {
            self.problems.name_steps(&normal);
            return Err(self.problems);
        }
        serde_json::from_value(normal).map_err(|error| {
            self.problems.error("", error.to_string());
            self.problems
        })
    }

    /// Unknown fields, missing ones, and values of the wrong shape.
    fn fields(
        &mut self,
        given: &Map<String, Value>,
        pointer: &str,
        known: impl Iterator<Item = Field> + Clone,
    ) {
        for name in given.keys() {
            if known.clone().all(|(other, ..)| other != name) {
                let hint = nearest(name, known.clone().map(|(name, ..)| name));
                self.problems.error(
                    format!("{pointer}/{name}"),
                    format!("there is no field {name:?} here{hint}"),
                );
            }
        }
        for (name, shape, need) in known {
            match given.get(name) {
                None if need == Need::Must => self.problems.error(format!("{pointer}/{name}"), "is missing"),
                None => {}
                Some(value) => {
                    if let Some(problem) = shape.problem(value) {
                        self.problems.error(format!("{pointer}/{name}"), problem);
                    }
                }
            }
        }
    }

    /// Whether a field with a type of its own can be read as that: its own fields first, as they say more of what is wrong.
    fn part(&mut self, given: &Map<String, Value>, pointer: &str, name: &str, part: Part) {
        let Some(value) = given.get(name) else { return };
        let pointer = format!("{pointer}/{name}");
        if let Some(problem) = part.problem(value) {
            self.problems.error(pointer, problem);
            return;
        }
        let before = self.problems.0.len();
        if let Value::Object(fields) = value {
            self.fields(fields, &pointer, part.fields().iter().copied());
        }
        if self.problems.0.len() > before {
            return;
        }
        let read = match part {
            Part::Hosts => Targets::deserialize(value).map(drop),
            Part::Retries => Retries::deserialize(value).map(drop),
            Part::ContinueOn => ContinueOn::deserialize(value).map(drop),
            Part::Position => Position::deserialize(value).map(drop),
        };
        if let Err(error) = read {
            self.problems.error(pointer, error.to_string());
        }
    }

    /// Each at its place: a name such as `n` is no text in YAML, and is easily overlooked among others.
    fn inputs(&mut self, given: &Map<String, Value>) {
        let Some(Value::Array(inputs)) = given.get("inputs") else {
            return;
        };
        for (number, input) in inputs.iter().enumerate() {
            let pointer = format!("/inputs/{number}");
            match input {
                Value::Object(fields) => self.fields(fields, &pointer, OF_INPUT.iter().copied()),
                _ => self
                    .problems
                    .error(pointer, "must be an object with name and type"),
            }
        }
    }

    fn steps(&mut self, holder: &mut Map<String, Value>, pointer: &str) {
        if let Some(Value::Array(steps)) = holder.get_mut("steps") {
            for (number, step) in steps.iter_mut().enumerate() {
                self.step(step, &format!("{pointer}/steps/{number}"));
            }
        }
    }

    fn step(&mut self, step: &mut Value, pointer: &str) {
        let Value::Object(fields) = step else {
            self.problems.error(pointer, "must be an object with id and type");
            return;
        };
        self.flatten(fields, pointer);
        let kind = match fields.get("type") {
            Some(Value::String(kind)) if OF_THE_VAULT.contains(&kind.as_str()) => {
                let message = format!("{kind} needs the vault, which this version does not have yet");
                self.problems.error(format!("{pointer}/type"), message);
                return;
            }
            Some(Value::String(kind)) if TYPES.contains(&kind.as_str()) => kind.clone(),
            // Nothing is known of its fields.
            _ => {
                self.fields_of_every_step(fields, pointer);
                return;
            }
        };
        let known = of_type(&kind);
        self.fields(
            fields,
            pointer,
            OF_EVERY_STEP.iter().copied().chain(known.iter().copied()),
        );
        for (name, shape, _) in OF_EVERY_STEP.iter().copied().chain(known) {
            match shape {
                Shape::Part(part) => self.part(fields, pointer, name, part),
                Shape::Branches => self.branches(fields, pointer),
                _ => {}
            }
        }
    }

    fn fields_of_every_step(&mut self, fields: &Map<String, Value>, pointer: &str) {
        let known: Map<String, Value> = fields
            .iter()
            .filter(|(name, _)| OF_EVERY_STEP.iter().any(|(known, ..)| known == name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        self.fields(&known, pointer, OF_EVERY_STEP.iter().copied());
    }

    /// What stands in `config` stands in the step.
    fn flatten(&mut self, fields: &mut Map<String, Value>, pointer: &str) {
        match fields.remove("config") {
            None => {}
            Some(Value::Object(config)) => {
                for (name, value) in config {
                    if fields.contains_key(&name) {
                        let message = format!("is given twice: {name} stands beside config as well");
                        self.problems.error(format!("{pointer}/config/{name}"), message);
                    }
                    fields.insert(name, value);
                }
            }
            Some(_) => self
                .problems
                .error(format!("{pointer}/config"), "must be an object"),
        }
    }

    fn branches(&mut self, fields: &mut Map<String, Value>, pointer: &str) {
        let Some(Value::Array(branches)) = fields.get_mut("branches") else {
            return;
        };
        for (number, branch) in branches.iter_mut().enumerate() {
            let pointer = format!("{pointer}/branches/{number}");
            // Steps alone are a branch without a name.
            if branch.is_array() {
                *branch = serde_json::json!({"steps": branch.take()});
            }
            let Value::Object(inner) = branch else {
                self.problems
                    .error(pointer, "must be an object with steps, or a list of them");
                continue;
            };
            self.fields(inner, &pointer, OF_BRANCH.iter().copied());
            self.steps(inner, &pointer);
        }
    }
}
