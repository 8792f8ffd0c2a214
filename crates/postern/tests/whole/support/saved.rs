//! Saved scripts, schedules and the executions that come of both.

use std::collections::BTreeMap;

use postern_api::{
    ListRequest,
    executions::Execution,
    jobs::{Job, JobsCreated, StreamName},
    schedules::{Schedule, ScheduleTick},
    scripts::ScriptRun,
};
use postern_client::IdempotencyKey;
use postern_domain::{ExecutionId, JobId, ScheduleId, ScriptId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Door;

const MANY: usize = 100_000;

/// A request as it is written in the API.
pub(crate) fn request<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

impl Door {
    pub(crate) fn script_create(&self, name: &str, language: &str, definition: &Value) -> ScriptId {
        self.saved("script", name, language, definition)
    }

    pub(crate) fn library_create(&self, name: &str, language: &str, content: &str) -> ScriptId {
        self.saved("library", name, language, &json!({ "content": content }))
    }

    fn saved(&self, kind: &str, name: &str, language: &str, definition: &Value) -> ScriptId {
        let create =
            request(json!({"kind": kind, "name": name, "language": language, "definition": definition}));
        let key = IdempotencyKey::random();
        let (create, key) = (&create, &key);
        let made = self.ask("script_create", |client| async move {
            client.script_create(create, key).await
        });
        made.script.id
    }

    pub(crate) fn script_run(&self, id: ScriptId, run: &ScriptRun) -> JobsCreated {
        let key = IdempotencyKey::random();
        let key = &key;
        self.ask("script_run", |client| async move {
            client.script_run(id, run, key).await
        })
    }

    pub(crate) fn schedule_create(&self, create: Value) -> ScheduleId {
        let create = request(create);
        let key = IdempotencyKey::random();
        let (create, key) = (&create, &key);
        let made = self.ask("schedule_create", |client| async move {
            client.schedule_create(create, key).await
        });
        made.id
    }

    pub(crate) fn schedule(&self, id: ScheduleId) -> Schedule {
        self.ask(
            "schedule_show",
            |client| async move { client.schedule_show(id).await },
        )
    }

    /// Oldest first: the other way round than the API tells them.
    pub(crate) fn ticks(&self, id: ScheduleId) -> Vec<ScheduleTick> {
        let page = self.ask("schedule_tick_list", |client| async move {
            client
                .schedule_tick_list_all(id, &ListRequest::default(), MANY)
                .await
        });
        let mut ticks = page.items;
        ticks.reverse();
        ticks
    }

    pub(crate) fn execution(&self, id: ExecutionId) -> Execution {
        self.ask("execution_show", |client| async move {
            client.execution_show(id).await
        })
    }

    /// Every one there is, by its id.
    pub(crate) fn executions(&self) -> BTreeMap<ExecutionId, Execution> {
        let page = self.ask("execution_list", |client| async move {
            client.execution_list_all(&ListRequest::default(), MANY).await
        });
        page.items
            .into_iter()
            .map(|execution| (execution.id, execution))
            .collect()
    }

    pub(crate) fn jobs_of(&self, id: ExecutionId) -> Vec<Job> {
        let list = ListRequest {
            filter: vec![("execution".into(), id.to_string())],
            ..ListRequest::default()
        };
        let list = &list;
        let page = self.ask("job_list", |client| async move {
            client.job_list_all(list, MANY).await
        });
        page.items
    }

    /// What a job wrote, as far as it is kept.
    pub(crate) fn written(&self, id: JobId, stream: StreamName) -> String {
        let bytes = self.ask("job_output_download", |client| async move {
            client.job_output_download(id, stream, None).await
        });
        String::from_utf8(bytes).unwrap()
    }
}
