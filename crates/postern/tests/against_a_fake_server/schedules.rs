//! Schedules, as they are shown.

use serde_json::json;

use crate::{Fake, problem};

#[tokio::test]
async fn a_schedule_is_shown_with_what_it_names_and_its_next_ticks() {
    let fake = Fake::start(|_, line| match line {
        "GET /api/v1/schedules/7" => {
            let schedule = json!({
                "id": 7, "name": "nightly", "description": "", "organization_id": null, "department_id": null,
                "definition": {
                    "cron": "30 2 * * *", "max_runs": 3, "targets": {"selector": "env=prod"},
                    "work": {"kind": "script", "script_id": 4}, "blackout": {"calendar_id": 6, "tick": "wait"},
                },
                "cron_text": "At 02:30", "paused": false, "runs": 1, "next_at": "2026-11-23T02:30:00Z",
                "waiting": null, "last_execution_id": null, "last_instance_id": null, "secrets": [], "owner": "anna",
                "created_at": "2026-11-22T09:30:00Z", "created_by": "anna",
                "updated_at": "2026-11-22T09:30:00Z", "updated_by": "anna",
            });
            (200, schedule.to_string())
        }
        "GET /api/v1/scripts/4" => problem(404, "there is no such script"),
        "GET /api/v1/calendars/6" => {
            let calendar = json!({
                "id": 6, "name": "holidays", "description": "", "organization_id": null, "department_id": null,
                "zone": "UTC", "entries": [], "blackout_until": null, "used_by": [], "sha256": "aa",
                "created_at": "2026-11-22T09:30:00Z", "created_by": "anna",
            });
            (200, calendar.to_string())
        }
        "POST /api/v1/schedules/preview" => {
            let ticks = ["2026-11-23T02:30:00Z", "2026-11-24T02:30:00Z", "2026-11-25T02:30:00Z"];
            (200, json!({"text": "At 02:30", "ticks": ticks}).to_string())
        }
        other => panic!("{other}"),
    })
    .await;
    let run = fake.run(&["schedule", "show", "7"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    for said in [
        "script 4, its newest version",
        "calendar holidays (6)",
        "1 of 3",
        "2026-11-23 02:30:00 UTC",
        "2026-11-24 02:30:00 UTC",
    ] {
        assert!(run.stdout.contains(said), "{said}: {}", run.stdout);
    }
    assert!(
        !run.stdout.contains("2026-11-25 02:30:00 UTC"),
        "it runs twice more: {}",
        run.stdout
    );
}
