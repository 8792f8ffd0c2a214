//! Which fields a workflow, a step and a branch have, and what each holds: for reading them and for their JSON Schema.

use serde_json::{Value, json};

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Text,
    /// Null is none.
    TextOrNull,
    /// From 0 on.
    Whole,
    Flag,
    /// Null is none.
    Number,
    Texts,
    Wholes,
    /// An object of texts.
    TextByName,
    /// An object of any values.
    ValueByName,
    Any,
    Choice(&'static [&'static str]),
    Part(Part),
    Steps,
    Branches,
    Inputs,
}

/// What is read by a type of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Hosts,
    Retries,
    /// An object or a word.
    ContinueOn,
    Position,
}

/// What stands for an object of [`Part::ContinueOn`].
const WORDS_OF_CONTINUE_ON: &[&str] = &["all", "any"];

/// A field's name, its shape, and whether it must be there.
pub(super) type Field = (&'static str, Shape, Need);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Must,
    May,
}

use Need::{May, Must};

pub(super) const OF_WORKFLOW: &[Field] = &[
    ("inputs", Shape::Inputs, May),
    ("hosts", Shape::Part(Part::Hosts), May),
    ("steps", Shape::Steps, Must),
];

pub(super) const OF_INPUT: &[Field] = &[
    ("name", Shape::Text, Must),
    (
        "type",
        Shape::Choice(&["string", "integer", "number", "boolean", "choice", "secret"]),
        Must,
    ),
    ("description", Shape::Text, May),
    ("required", Shape::Flag, May),
    ("default", Shape::Any, May),
    ("choices", Shape::Texts, May),
    ("minimum", Shape::Number, May),
    ("maximum", Shape::Number, May),
];

pub(super) const OF_BRANCH: &[Field] = &[("name", Shape::Text, May), ("steps", Shape::Steps, Must)];

pub(super) const OF_EVERY_STEP: &[Field] = &[
    ("id", Shape::Text, Must),
    ("type", Shape::Choice(TYPES), Must),
    ("name", Shape::Text, May),
    ("on_success", Shape::Text, May),
    ("on_failure", Shape::Text, May),
    ("position", Shape::Part(Part::Position), May),
];

pub(super) const TYPES: &[&str] = &[
    "script",
    "command",
    "http_request",
    "action",
    "approval",
    "conditional",
    "delay",
    "notify",
    "parallel",
    "workflow",
];

/// Known, and not to be had yet.
pub(super) const OF_THE_VAULT: [&str; 2] = ["pam_checkout", "pam_checkin"];

const ON_HOSTS: &[Field] = &[
    ("hosts", Shape::Part(Part::Hosts), May),
    ("timeout_seconds", Shape::Whole, May),
    ("retries", Shape::Part(Part::Retries), May),
    ("run_as_user", Shape::Text, May),
    ("continue_on", Shape::Part(Part::ContinueOn), May),
];

impl Part {
    /// Its fields, where it is an object.
    pub(super) const fn fields(self) -> &'static [Field] {
        match self {
            Self::Hosts => &[
                ("agents", Shape::Texts, May),
                ("labels", Shape::TextByName, May),
                ("selector", Shape::TextOrNull, May),
                ("organizations", Shape::Texts, May),
                ("departments", Shape::Texts, May),
                ("groups", Shape::Texts, May),
                ("all", Shape::Flag, May),
            ],
            Self::Retries => &[
                ("count", Shape::Whole, Must),
                ("delay_seconds", Shape::Whole, May),
                ("factor", Shape::Number, May),
            ],
            Self::ContinueOn => &[("percent", Shape::Whole, Must)],
            Self::Position => &[("x", Shape::Number, Must), ("y", Shape::Number, Must)],
        }
    }

    /// What is wrong with a value that is no object.
    pub(super) fn problem(self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::ContinueOn, Value::String(word)) => {
                let hint = super::plan::nearest(word, WORDS_OF_CONTINUE_ON.iter().copied());
                (!WORDS_OF_CONTINUE_ON.contains(&word.as_str()))
                    .then(|| format!("must be all, any or {{percent: …}}, and is {value}{hint}"))
            }
            (Self::ContinueOn, _) => {
                let is = name(value);
                (!value.is_object()).then(|| format!("must be all, any or {{percent: …}}, and is {is}"))
            }
            (Self::Hosts | Self::Retries | Self::Position, _) => Shape::ValueByName.problem(value),
        }
    }

    fn schema(self) -> Value {
        let mut schema = object(self.fields().iter().copied());
        let properties = &mut schema["properties"];
        match self {
            Self::Hosts => {}
            Self::Retries => {
                properties["count"]["minimum"] = json!(1);
                properties["factor"] = json!({"type": "number", "minimum": 1});
            }
            Self::ContinueOn => {
                properties["percent"] = json!({"type": "integer", "minimum": 1, "maximum": 100});
                return json!({"anyOf": [{"enum": WORDS_OF_CONTINUE_ON}, schema]});
            }
            Self::Position => {
                for name in ["x", "y"] {
                    properties[name] = json!({"type": "number"});
                }
            }
        }
        schema
    }
}

/// The fields of a type of step, beside those of every step.
pub(super) fn of_type(kind: &str) -> Vec<Field> {
    let (own, on_hosts): (&[Field], bool) = match kind {
        "script" => (
            &[
                ("script_id", Shape::Whole, May),
                ("script", Shape::Text, May),
                ("version", Shape::Whole, May),
                ("parameters", Shape::ValueByName, May),
            ],
            true,
        ),
        "command" => (
            &[
                ("command", Shape::Text, May),
                ("argv", Shape::Texts, May),
                ("shell", Shape::Flag, May),
                ("environment", Shape::TextByName, May),
                ("working_directory", Shape::Text, May),
            ],
            true,
        ),
        "http_request" => (
            &[
                ("method", Shape::Text, May),
                ("url", Shape::Text, Must),
                ("headers", Shape::TextByName, May),
                ("body", Shape::Text, May),
                ("json", Shape::Any, May),
                ("expected_status", Shape::Wholes, May),
                ("allow_invalid_certificate", Shape::Flag, May),
                ("extra_ca", Shape::Text, May),
                ("max_redirects", Shape::Whole, May),
            ],
            true,
        ),
        "action" => (
            &[
                ("action_id", Shape::Whole, May),
                ("action", Shape::Text, May),
                ("parameters", Shape::ValueByName, May),
                ("timeout_seconds", Shape::Whole, May),
                ("retries", Shape::Part(Part::Retries), May),
                ("continue_on", Shape::Part(Part::ContinueOn), May),
            ],
            false,
        ),
        "approval" => (
            &[
                ("title", Shape::Text, Must),
                ("description", Shape::Text, May),
                (
                    "approval_type",
                    Shape::Choice(&["singular", "one_of_many", "two_of_many", "all", "majority"]),
                    Must,
                ),
                ("approvers", Shape::Texts, Must),
                ("timeout_minutes", Shape::Whole, May),
                ("reminder_minutes", Shape::Whole, May),
                ("allow_self_approval", Shape::Flag, May),
            ],
            false,
        ),
        "conditional" => (
            &[
                ("condition", Shape::Text, Must),
                ("on_true", Shape::Text, Must),
                ("on_false", Shape::Text, Must),
            ],
            false,
        ),
        "delay" => (
            &[
                ("seconds", Shape::Whole, May),
                ("minutes", Shape::Whole, May),
                ("hours", Shape::Whole, May),
            ],
            false,
        ),
        "notify" => (
            &[
                ("to", Shape::Texts, Must),
                ("title", Shape::Text, Must),
                ("message", Shape::Text, May),
            ],
            false,
        ),
        "parallel" => (
            &[
                ("branches", Shape::Branches, Must),
                ("on_branch_failure", Shape::Choice(&["wait", "cancel"]), May),
                ("timeout_seconds", Shape::Whole, May),
            ],
            false,
        ),
        "workflow" => (
            &[
                ("workflow_id", Shape::Whole, May),
                ("workflow", Shape::Text, May),
                ("inputs", Shape::ValueByName, May),
                ("hosts", Shape::Part(Part::Hosts), May),
                ("timeout_seconds", Shape::Whole, May),
                ("retries", Shape::Part(Part::Retries), May),
            ],
            false,
        ),
        _ => (&[], false),
    };
    let more = if on_hosts { ON_HOSTS } else { &[] };
    own.iter().chain(more).copied().collect()
}

impl Shape {
    /// What is wrong with a value in this place.
    pub(super) fn problem(self, value: &Value) -> Option<String> {
        let (fits, wanted) = match self {
            Self::Text => (value.is_string(), "a text"),
            Self::TextOrNull => (value.is_string() || value.is_null(), "a text"),
            Self::Whole => (
                value.as_u64().is_some_and(|number| u32::try_from(number).is_ok()),
                "a whole number",
            ),
            Self::Flag => (value.is_boolean(), "true or false"),
            Self::Number => (value.is_number() || value.is_null(), "a number"),
            Self::Texts => match value.as_array().and_then(|items| no_text(items.iter())) {
                Some(item) => return Some(format!("must be a list of texts: one {}", read_as(item))),
                None => (value.is_array(), "a list of texts"),
            },
            Self::Wholes => {
                let whole = |item: &Value| item.as_u64().is_some_and(|number| u16::try_from(number).is_ok());
                (
                    value.as_array().is_some_and(|items| items.iter().all(whole)),
                    "a list of whole numbers",
                )
            }
            Self::TextByName => match value.as_object().and_then(|fields| no_text(fields.values())) {
                Some(item) => return Some(format!("must be an object of texts: one {}", read_as(item))),
                None => (value.is_object(), "an object of texts"),
            },
            Self::ValueByName => (value.is_object(), "an object"),
            Self::Any | Self::Part(_) => (true, ""),
            Self::Choice(choices) => {
                let fits = value.as_str().is_some_and(|text| choices.contains(&text));
                return (!fits).then(|| {
                    let hint = value
                        .as_str()
                        .map(|text| super::plan::nearest(text, choices.iter().copied()))
                        .unwrap_or_default();
                    format!("must be one of {}, and is {value}{hint}", choices.join(", "))
                });
            }
            Self::Steps | Self::Branches | Self::Inputs => (value.is_array(), "a list"),
        };
        let is = || match self {
            Self::Text | Self::TextOrNull => read_as(value),
            _ => format!("is {}", name(value)),
        };
        (!fits).then(|| format!("must be {wanted}, and {}", is()))
    }

    pub(super) fn schema(self) -> Value {
        match self {
            Self::Text => json!({"type": "string"}),
            Self::TextOrNull => json!({"type": ["string", "null"]}),
            Self::Whole => json!({"type": "integer", "minimum": 0}),
            Self::Flag => json!({"type": "boolean"}),
            Self::Number => json!({"type": ["number", "null"]}),
            Self::Texts => json!({"type": "array", "items": {"type": "string"}}),
            Self::Wholes => json!({"type": "array", "items": {"type": "integer", "minimum": 0}}),
            Self::TextByName => json!({"type": "object", "additionalProperties": {"type": "string"}}),
            Self::ValueByName => json!({"type": "object"}),
            Self::Any => json!({}),
            Self::Choice(choices) => json!({"enum": choices}),
            Self::Part(part) => part.schema(),
            Self::Steps => json!({"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}}),
            Self::Branches => json!({"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/branch"}}),
            Self::Inputs => json!({"type": "array", "items": object(OF_INPUT.iter().copied())}),
        }
    }
}

fn no_text<'a>(mut items: impl Iterator<Item = &'a Value>) -> Option<&'a Value> {
    items.find(|item| !item.is_string())
}

/// What stands where a text should. YAML reads words such as `n`, `yes` and `null` as something else.
fn read_as(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            format!("was read as {}: put quotes around it", name(value))
        }
        Value::String(_) | Value::Array(_) | Value::Object(_) => format!("is {}", name(value)),
    }
}

fn name(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) => "a text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The whole as a JSON Schema (2020-12), for editors. It takes all that is read, and the fields that stand above the steps in
/// a file.
pub fn json_schema() -> Value {
    let steps: Vec<Value> = TYPES.iter().map(|kind| step(kind)).collect();
    let mut schema = object(OF_WORKFLOW.iter().copied());
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Workflow");
    for name in ["name", "description", "organization", "department"] {
        // A name may look like a number, and an id is one.
        schema["properties"][name] = json!({"type": ["string", "number", "null"]});
    }
    let branch = json!({"anyOf": [Shape::Steps.schema(), object(OF_BRANCH.iter().copied())]});
    schema["$defs"] = json!({"step": {"anyOf": steps}, "branch": branch});
    schema
}

/// Each field stands in the step or in its `config`.
fn step(kind: &str) -> Value {
    let fields = || OF_EVERY_STEP.iter().copied().chain(of_type(kind));
    let mut schema = object(fields());
    schema["properties"]["type"] = json!({"const": kind});
    let config = json!({"type": "object", "properties": schema["properties"], "additionalProperties": false});
    let either = |(name, ..): Field| {
        let inside = json!({"properties": {"config": {"required": [name]}}, "required": ["config"]});
        json!({"anyOf": [{"required": [name]}, inside]})
    };
    let required = fields().filter(|(_, _, need)| *need == Must);
    schema["allOf"] = required.map(either).collect();
    schema["required"] = json!([]);
    schema["properties"]["config"] = config;
    schema
}

fn object(fields: impl Iterator<Item = Field> + Clone) -> Value {
    let properties: serde_json::Map<String, Value> = fields
        .clone()
        .map(|(name, shape, _)| (name.to_owned(), shape.schema()))
        .collect();
    let required: Vec<&str> = fields
        .filter(|(_, _, need)| *need == Must)
        .map(|(name, ..)| name)
        .collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}
