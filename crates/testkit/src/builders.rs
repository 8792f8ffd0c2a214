//! Short forms of requests, for tests to read like sentences.

use postern_api::{jobs::JobCreate, targets::Targets};
use postern_client::IdempotencyKey;
use postern_protocol::payload::{Command, JobPayload, Language, Script};

/// A fresh intent.
pub fn key() -> IdempotencyKey {
    IdempotencyKey::random()
}

pub fn targets(agents: &[&str]) -> Targets {
    Targets {
        agents: agents.iter().map(|name| (*name).to_owned()).collect(),
        ..Targets::default()
    }
}

pub fn argv(words: &[&str]) -> JobPayload {
    JobPayload::Command(Command {
        argv: words.iter().map(|word| (*word).to_owned()).collect(),
        shell: false,
        ..Default::default()
    })
}

pub fn script(content: &str) -> JobPayload {
    JobPayload::Script(Script {
        parameters: std::collections::BTreeMap::new(),
        ..Script::new(Language::Bash, content.to_owned())
    })
}

/// A job on named agents, everything else left to its default.
pub fn on(agents: &[&str], work: JobPayload) -> JobCreate {
    JobCreate::new(work, targets(agents))
}
