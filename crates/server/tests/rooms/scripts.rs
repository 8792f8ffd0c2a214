//! Scripts and libraries through HTTP: spec 4.

mod libraries;
mod running;
mod saving;

use postern_api::{
    jobs::JobsCreated,
    scripts::{
        LibraryLink, ParameterValue, ScriptCreate, ScriptDefinition, ScriptDetail, ScriptKind, ScriptRun,
        ScriptUpdate,
    },
};
use postern_domain::{
    ScriptId,
    parameter::{Parameter, ParameterType},
};
use postern_protocol::payload::Language;
use postern_testkit::{TestServer, key, targets};
use serde_json::json;
use sha2::{Digest as _, Sha256};

fn code(content: &str) -> ScriptDefinition {
    ScriptDefinition {
        content: content.into(),
        ..Default::default()
    }
}

fn parameter(name: &str, kind: ParameterType) -> Parameter {
    Parameter {
        name: name.into(),
        kind,
        description: String::new(),
        required: false,
        default: None,
        choices: Vec::new(),
        minimum: None,
        maximum: None,
    }
}

fn script(kind: ScriptKind, name: &str, definition: ScriptDefinition) -> ScriptCreate {
    ScriptCreate {
        kind,
        name: name.into(),
        description: String::new(),
        language: Language::Bash,
        organization_id: None,
        department_id: None,
        definition,
        message: String::new(),
    }
}

async fn saved(
    server: &TestServer,
    kind: ScriptKind,
    name: &str,
    definition: ScriptDefinition,
) -> ScriptDetail {
    let request = script(kind, name, definition);
    server.admin().script_create(&request, &key()).await.unwrap()
}

async fn edited(server: &TestServer, id: ScriptId, content: &str) -> ScriptDetail {
    let request = ScriptUpdate {
        definition: Some(code(content)),
        ..Default::default()
    };
    server.admin().script_update(id, &request).await.unwrap()
}

fn link(library: &str, version: Option<u32>) -> LibraryLink {
    LibraryLink {
        library: library.into(),
        version,
    }
}

async fn run(
    server: &TestServer,
    id: ScriptId,
    parameters: serde_json::Value,
) -> Result<JobsCreated, postern_testkit::client::Error> {
    let given = parameters.as_object().unwrap().clone();
    let request = ScriptRun {
        parameters: given
            .into_iter()
            .map(|(name, value)| (name, ParameterValue(value)))
            .collect(),
        targets: targets(&["web-1"]),
        ..Default::default()
    };
    server.admin().script_run(id, &request, &key()).await
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn typed() -> ScriptDefinition {
    ScriptDefinition {
        parameters: vec![
            Parameter {
                required: true,
                ..parameter("host", ParameterType::String)
            },
            Parameter {
                default: Some(json!(3)),
                minimum: Some(1.0),
                ..parameter("count", ParameterType::Integer)
            },
            parameter("ratio", ParameterType::Number),
            Parameter {
                default: Some(json!(false)),
                ..parameter("dry", ParameterType::Boolean)
            },
            Parameter {
                choices: vec!["a".into(), "b c".into()],
                ..parameter("mode", ParameterType::Choice)
            },
            parameter("token", ParameterType::Secret),
        ],
        ..code("true")
    }
}
