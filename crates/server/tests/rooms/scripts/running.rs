//! Running a saved script: its parameters, and the digest of what runs.

use postern_api::{
    ListRequest,
    scripts::{ScriptDefinition, ScriptKind, ScriptRun},
};
use postern_protocol::payload::{JobPayload, Language, Script};
use postern_testkit::{TestServer, argv, key, on, targets};
use serde_json::json;

use super::{code, link, run, saved, sha256, typed};
use crate::{filtered, on_both_databases};

on_both_databases! {
    a_dry_run_tells_the_digest_that_is_on_record_afterwards,
    a_wrong_parameter_is_named_before_any_job_exists,
    parameters_reach_the_agent_by_their_type,
}

/// What the owner of a host writes into its policy before the script has run anywhere.
async fn a_dry_run_tells_the_digest_that_is_on_record_afterwards(server: TestServer) {
    server.agent("web-1").await;
    saved(&server, ScriptKind::Library, "log", code("log() { echo; }")).await;
    let definition = ScriptDefinition {
        libraries: vec![link("log", None)],
        ..code("log hi")
    };
    let id = saved(&server, ScriptKind::Script, "main", definition)
        .await
        .script
        .id;
    let whole = "# ---- library log, version 1\nlog() { echo; }\n# ---- script main, version 1\nlog hi\n";
    let expected = sha256(whole);
    let admin = server.admin();
    let request = ScriptRun {
        targets: targets(&["web-1"]),
        ..Default::default()
    };
    let preview = admin.script_preview(id, &request).await.unwrap();
    assert_eq!(preview.content_sha256.as_ref(), Some(&expected));
    let own = JobPayload::Script(Script::new(Language::Bash, "echo hi"));
    let preview = admin.job_preview(&on(&["web-1"], own)).await.unwrap();
    assert_eq!(preview.content_sha256, Some(sha256("echo hi")));
    let command = admin.job_preview(&on(&["web-1"], argv(&["x"]))).await.unwrap();
    assert_eq!(command.content_sha256, None, "a command has no text");

    let made = run(&server, id, json!({})).await.unwrap();
    let job = made.jobs[0].id.to_string();
    let execution = made.execution_id.to_string();
    for (action, object) in [
        ("job_create", format!("job:{job}")),
        ("script_run", format!("execution:{execution}")),
    ] {
        let request = filtered(&[("action", action), ("object", &object)]);
        let records = admin.audit_list(&request).await.unwrap().items;
        let after = records[0].after.as_ref().unwrap();
        assert_eq!(after["content_sha256"], json!(expected), "{action}: {after}");
    }
    let other = admin
        .job_create(&on(&["web-1"], argv(&["x"])), &key())
        .await
        .unwrap();
    let object = format!("job:{}", other.jobs[0].id);
    let request = filtered(&[("action", "job_create"), ("object", &object)]);
    let records = admin.audit_list(&request).await.unwrap().items;
    assert!(records[0].after.as_ref().unwrap().get("content_sha256").is_none());
}

async fn a_wrong_parameter_is_named_before_any_job_exists(server: TestServer) {
    server.agent("web-1").await;
    let id = saved(&server, ScriptKind::Script, "main", typed())
        .await
        .script
        .id;
    for (given, name) in [
        (json!({}), "host"),
        (json!({"host": "h", "count": "many"}), "count"),
        (json!({"host": "h", "count": 0}), "count"),
        (json!({"host": "h", "ratio": "1;2"}), "ratio"),
        (json!({"host": "h", "dry": "yes"}), "dry"),
        (json!({"host": "h", "mode": "c"}), "mode"),
        (json!({"host": "h", "nobody": 1}), "nobody"),
        (json!({"host": "a\u{0}b"}), "host"),
        (json!({"host": "h", "token": "a\u{0}b"}), "token"),
    ] {
        let error = run(&server, id, given.clone()).await.unwrap_err();
        let problem = error.problem().unwrap();
        assert_eq!(
            (problem.status, problem.errors[0].field.clone()),
            (422, format!("parameters.{name}")),
            "{given}"
        );
    }
    let jobs = server
        .admin()
        .job_list(&ListRequest::default())
        .await
        .unwrap()
        .items;
    assert!(jobs.is_empty());
}

async fn parameters_reach_the_agent_by_their_type(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = saved(&server, ScriptKind::Script, "main", typed())
        .await
        .script
        .id;
    let given = json!({"host": "$(reboot)", "ratio": 0.5, "mode": "b c", "token": "t0ken"});
    run(&server, id, given).await.unwrap();
    let order = agent.order().await;
    let JobPayload::Script(sent) = &order.work else {
        panic!("a script")
    };
    let expected = [
        ("count", "3"),
        ("dry", "false"),
        ("host", "$(reboot)"),
        ("mode", "b c"),
        ("ratio", "0.5"),
    ];
    let found: Vec<_> = sent
        .parameters
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(
        (sent.secrets.as_slice(), agent.secrets(&order)["token"].as_str()),
        (&["token".to_owned()][..], "t0ken")
    );
}
