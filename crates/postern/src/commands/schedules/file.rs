//! Schedules as files. They have the shape of the API's request, which `apply` reads.

use std::collections::BTreeMap;

use postern_api::schedules::{Schedule, ScheduleCreate};

use crate::{commands::actions::manage::yaml, failure::Failure};

/// Without its place: one that is applied again stays where it is. Values of secrets are told to nobody. Only of a paused one
/// it says whether it is: applied later it would resume what was paused since.
pub(super) fn write(schedule: &Schedule) -> Result<String, Failure> {
    yaml(&ScheduleCreate {
        name: schedule.name.clone(),
        description: schedule.description.clone(),
        organization_id: None,
        department_id: None,
        definition: schedule.definition.clone(),
        secrets: BTreeMap::new(),
        paused: schedule.paused.then_some(true),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written_and_read(work: &Value) -> (Schedule, ScheduleCreate) {
        let schedule: Schedule = serde_json::from_value(json!({
            "id": 7, "name": "nightly", "description": "yes", "organization_id": 1, "department_id": null,
            "definition": {
                "cron": "30 2 * * *", "zone": "Europe/Brussels", "missed": "run_once", "overlap": "queue",
                "max_runs": 10, "ends_at": "2027-01-01T00:00:00Z",
                "blackout": {"calendar_id": 3, "tick": "wait"},
                "work": work, "targets": {"selector": "env=prod", "agents": ["1"]}, "priority": "high",
                "timeout_seconds": 60, "rolling": {"batch": {"percent": 20}, "pause_seconds": 5},
                "concurrency": {"key": "null", "per": "tenant"},
            },
            "cron_text": "", "paused": true, "runs": 2, "next_at": null, "waiting": null,
            "last_execution_id": null, "last_instance_id": null, "secrets": ["token"], "owner": "anna",
            "created_at": "2026-11-22T09:30:00Z", "created_by": "anna",
            "updated_at": "2026-11-22T09:30:00Z", "updated_by": "anna",
        }))
        .unwrap();
        let text = write(&schedule).unwrap();
        let read = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
        (schedule, read)
    }

    #[test]
    fn what_is_written_is_read_again_with_all_that_it_says() {
        for work in [
            json!({"kind": "job", "job": {"type": "command", "payload": {
                "argv": ["echo", "7", "yes", "a: b\n", ""], "shell": false, "environment": {"LEVEL": "1e3"},
            }}}),
            json!({"kind": "script", "script_id": 4, "version": 2, "parameters": {"limit": 90, "path": "/", "on": true}}),
            json!({"kind": "action", "action_id": 5, "parameters": {"team": "007"}}),
            json!({"kind": "workflow", "workflow_id": 6, "inputs": {"whom": "null"}}),
        ] {
            let (schedule, read) = written_and_read(&work);
            assert_eq!(read.definition, schedule.definition);
            assert_eq!(
                (read.name, read.description),
                (schedule.name, schedule.description)
            );
            assert_eq!(read.paused, Some(true));
            assert!(read.secrets.is_empty());
            assert_eq!((read.organization_id, read.department_id), (None, None));
        }
    }
}
