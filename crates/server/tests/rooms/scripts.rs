//! Scripts and libraries through HTTP: spec 4.

use postern_api::{
    ListRequest,
    jobs::JobsCreated,
    scripts::{
        LibraryLink, ParameterValue, ScriptCheck, ScriptCreate, ScriptDefinition, ScriptDetail, ScriptKind,
        ScriptRestore, ScriptRun, ScriptUpdate,
    },
};
use postern_domain::{
    ScriptId,
    parameter::{Parameter, ParameterType},
};
use postern_protocol::payload::{JobPayload, Language, Script};
use postern_testkit::{Database, TestServer, argv, key, on, targets};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::{filtered, on_both_databases, refused};

on_both_databases! {
    a_save_that_says_something_else_is_a_version_and_versions_stay,
    an_edit_of_an_older_version_is_refused,
    libraries_come_first_and_in_their_order,
    a_dry_run_tells_the_digest_that_is_on_record_afterwards,
    a_library_in_use_stays_and_says_by_whom,
    a_library_of_an_older_version_stays_and_is_run_under_its_new_name,
    a_wrong_parameter_is_named_before_any_job_exists,
    parameters_reach_the_agent_by_their_type,
    names_are_taken_once_and_the_search_looks_into_the_text,
    what_a_script_cannot_say_is_refused,
    code_is_looked_over_without_being_saved,
}

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

async fn a_save_that_says_something_else_is_a_version_and_versions_stay(server: TestServer) {
    let first = saved(&server, ScriptKind::Script, "hello", code("echo 1")).await;
    let id = first.script.id;
    assert_eq!(
        edited(&server, id, "echo 1").await.script.version,
        1,
        "nothing changed"
    );
    assert_eq!(edited(&server, id, "echo 2").await.script.version, 2);
    let admin = server.admin();
    assert_eq!(
        admin.script_version_show(id, 1).await.unwrap().definition.content,
        "echo 1"
    );
    let restored = admin
        .script_restore(id, &ScriptRestore { version: 1 })
        .await
        .unwrap();
    assert_eq!((restored.script.version, restored.sha256), (3, first.sha256));
    let lines = admin
        .script_version_list_all(id, &ListRequest::default(), 10)
        .await
        .unwrap()
        .items;
    let numbers: Vec<u32> = lines.iter().map(|line| line.version).collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!(lines[0].message, "Version 1 again");
    assert_eq!(refused(admin.script_version_show(id, 9).await).0, 404);
}

async fn an_edit_of_an_older_version_is_refused(server: TestServer) {
    let id = saved(&server, ScriptKind::Script, "hello", code("echo 1"))
        .await
        .script
        .id;
    edited(&server, id, "echo 2").await;
    let late = ScriptUpdate {
        definition: Some(code("echo 3")),
        based_on: Some(1),
        ..Default::default()
    };
    assert_eq!(
        refused(server.admin().script_update(id, &late).await),
        (409, "newer_version".into())
    );
}

async fn libraries_come_first_and_in_their_order(server: TestServer) {
    let agent = server.agent("web-1").await;
    let log = saved(&server, ScriptKind::Library, "log", code("log() { echo; }")).await;
    saved(&server, ScriptKind::Library, "net", code("net() { :; }\n")).await;
    edited(&server, log.script.id, "log() { echo 2; }").await;
    let definition = ScriptDefinition {
        libraries: vec![link("net", None), link("log", Some(1))],
        ..code("log hi")
    };
    let id = saved(&server, ScriptKind::Script, "main", definition)
        .await
        .script
        .id;
    let made = run(&server, id, json!({})).await.unwrap();
    let JobPayload::Script(sent) = agent.order().await.work else {
        panic!("a script")
    };
    let whole = "# ---- library net, version 1\nnet() { :; }\n# ---- library log, version 1\nlog() { echo; }\n\
                 # ---- script main, version 1\nlog hi\n";
    assert_eq!(sent.content, whole);
    let detail = server.admin().job_show(made.jobs[0].id).await.unwrap();
    let of = detail.script.unwrap();
    assert_eq!((of.id, of.version), (id, 1));
    assert_eq!(detail.content_sha256, Some(sha256(whole)));
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
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

async fn a_library_in_use_stays_and_says_by_whom(server: TestServer) {
    let log = saved(&server, ScriptKind::Library, "log", code(":"))
        .await
        .script
        .id;
    let definition = ScriptDefinition {
        libraries: vec![link("log", None)],
        ..code("true")
    };
    let main = saved(&server, ScriptKind::Script, "main", definition)
        .await
        .script
        .id;
    let admin = server.admin();
    assert_eq!(admin.script_show(log).await.unwrap().used_by[0].name, "main");
    let error = admin.script_delete(log).await.unwrap_err();
    assert!(error.problem().unwrap().detail.contains("main"), "{error:?}");
    assert_eq!(
        refused(admin.script_delete(log).await),
        (409, "library_in_use".into())
    );
    assert_eq!(
        refused(run(&server, log, json!({})).await),
        (409, "library_not_run".into())
    );
    admin.script_delete(main).await.unwrap();
    admin.script_delete(log).await.unwrap();
    assert_eq!(refused(admin.script_show(log).await).0, 404);
}

async fn a_library_of_an_older_version_stays_and_is_run_under_its_new_name(server: TestServer) {
    let (agent, admin) = (server.agent("web-1").await, server.admin());
    let log = saved(&server, ScriptKind::Library, "log", code("say() { :; }")).await;
    let definition = ScriptDefinition {
        libraries: vec![link("log", None)],
        ..code("say first")
    };
    let main = saved(&server, ScriptKind::Script, "main", definition)
        .await
        .script
        .id;
    let rename = |name: &str| ScriptUpdate {
        name: Some(name.into()),
        ..ScriptUpdate::default()
    };
    let refusal = refused(admin.script_update(log.script.id, &rename("logger")).await);
    assert_eq!(
        refusal,
        (409, "library_in_use".into()),
        "the newest version names it"
    );
    let without = ScriptUpdate {
        definition: Some(code("true")),
        ..ScriptUpdate::default()
    };
    admin.script_update(main, &without).await.unwrap();
    admin
        .script_update(log.script.id, &rename("logger"))
        .await
        .unwrap();
    let error = admin.script_delete(log.script.id).await.unwrap_err();
    let detail = &error.problem().unwrap().detail;
    assert!(
        detail.contains("an older version") && detail.contains("main"),
        "{detail}"
    );
    assert!(admin.script_show(log.script.id).await.unwrap().used_by.is_empty());

    // What has the old name now is something else.
    saved(&server, ScriptKind::Library, "log", code("other() { :; }")).await;
    let old = ScriptRun {
        version: Some(1),
        targets: targets(&["web-1"]),
        ..ScriptRun::default()
    };
    admin.script_run(main, &old, &key()).await.unwrap();
    let JobPayload::Script(sent) = agent.run(0).await.work else {
        panic!("a script")
    };
    assert_eq!(
        sent.content,
        "# ---- library logger, version 1\nsay() { :; }\n# ---- script main, version 1\nsay first\n"
    );

    let restored = admin
        .script_restore(main, &ScriptRestore { version: 1 })
        .await
        .unwrap();
    assert_eq!(restored.script.version, 3);
    assert_eq!(restored.definition.libraries, [link("logger", None)]);
    run(&server, main, json!({})).await.unwrap();
    let JobPayload::Script(sent) = agent.order().await.work else {
        panic!("a script")
    };
    assert_eq!(
        sent.content,
        "# ---- library logger, version 1\nsay() { :; }\n# ---- script main, version 3\nsay first\n"
    );
    let again = admin
        .script_restore(main, &ScriptRestore { version: 1 })
        .await
        .unwrap();
    assert_eq!(again.script.version, 3, "it says so already");
    let error = admin
        .script_update(log.script.id, &rename("log-2"))
        .await
        .unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!(
        problem.code, "library_in_use",
        "the newest version links it again"
    );
}

/// Until versions kept their links, a library that only older ones linked could go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_whose_library_is_gone_says_so_until_it_is_saved_anew() {
    let server = TestServer::on(Database::Postgres).await;
    let (agent, admin) = (server.agent("web-1").await, server.admin());
    for name in ["log", "net"] {
        saved(&server, ScriptKind::Library, name, code(name)).await;
    }
    let definition = ScriptDefinition {
        libraries: vec![link("log", Some(1)), link("net", None)],
        ..code("true")
    };
    let main = saved(&server, ScriptKind::Script, "main", definition.clone())
        .await
        .script
        .id;
    let client = server.postgres_client().await;
    let forget = format!("DELETE FROM script_links WHERE script_id = {main} AND position = 0");
    client.batch_execute(&forget).await.unwrap();

    let restore = ScriptRestore { version: 1 };
    for error in [
        run(&server, main, json!({})).await.unwrap_err(),
        admin.script_restore(main, &restore).await.unwrap_err(),
    ] {
        let problem = error.problem().unwrap();
        assert_eq!((problem.status, &*problem.errors[0].field), (422, "libraries"));
        let message = &problem.errors[0].message;
        assert!(
            message.starts_with("version 1 links library \"log\", which is gone: "),
            "{message}"
        );
    }

    let anew = ScriptUpdate {
        definition: Some(definition),
        ..ScriptUpdate::default()
    };
    let detail = admin.script_update(main, &anew).await.unwrap();
    assert_eq!(detail.script.version, 2, "it links what the first one does not");
    run(&server, main, json!({})).await.unwrap();
    let JobPayload::Script(sent) = agent.order().await.work else {
        panic!("a script")
    };
    assert_eq!(
        sent.content,
        "# ---- library log, version 1\nlog\n# ---- library net, version 1\nnet\n# ---- script main, version 2\ntrue\n"
    );
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

async fn names_are_taken_once_and_the_search_looks_into_the_text(server: TestServer) {
    saved(&server, ScriptKind::Script, "rotate", code("find /var/log")).await;
    saved(&server, ScriptKind::Library, "rotate", code("true")).await;
    let admin = server.admin();
    let again = admin
        .script_create(&script(ScriptKind::Script, "rotate", code("x")), &key())
        .await;
    assert_eq!(refused(again), (409, "name_taken".into()));
    let request = ListRequest {
        search: Some("VAR/LOG".into()),
        ..Default::default()
    };
    let found = admin.script_list(&request).await.unwrap().items;
    assert_eq!(
        found.iter().map(|script| script.kind).collect::<Vec<_>>(),
        [ScriptKind::Script]
    );
}

async fn what_a_script_cannot_say_is_refused(server: TestServer) {
    saved(&server, ScriptKind::Library, "log", code(":")).await;
    let with = |libraries: Vec<LibraryLink>| ScriptDefinition {
        libraries,
        ..code("true")
    };
    let cases = [
        (ScriptKind::Script, code("  "), "definition.content"),
        (
            ScriptKind::Script,
            code(&"#".repeat(1024 * 1024 + 1)),
            "definition.content",
        ),
        (ScriptKind::Library, typed(), "definition"),
        (
            ScriptKind::Script,
            with(vec![link("nobody", None)]),
            "definition.libraries[0]",
        ),
        (
            ScriptKind::Script,
            with(vec![link("log", Some(2))]),
            "definition.libraries[0]",
        ),
        (
            ScriptKind::Script,
            with(vec![link("log", None), link("log", None)]),
            "definition.libraries[1]",
        ),
        (
            ScriptKind::Script,
            ScriptDefinition {
                timeout_seconds: Some(0),
                ..code("x")
            },
            "definition.timeout_seconds",
        ),
        (
            ScriptKind::Script,
            ScriptDefinition {
                run_as_user: Some("-r".into()),
                ..code("x")
            },
            "definition.run_as_user",
        ),
        (
            ScriptKind::Script,
            ScriptDefinition {
                parameters: vec![parameter("a-b", ParameterType::String)],
                ..code("x")
            },
            "definition.parameters.a-b",
        ),
    ];
    for (kind, definition, field) in cases {
        let error = server
            .admin()
            .script_create(&script(kind, "new", definition), &key())
            .await
            .unwrap_err();
        assert_eq!(error.problem().unwrap().errors[0].field, field);
    }
    let python = ScriptCreate {
        language: Language::Python,
        ..script(ScriptKind::Script, "new", with(vec![link("log", None)]))
    };
    let error = server.admin().script_create(&python, &key()).await.unwrap_err();
    assert!(
        error.problem().unwrap().errors[0]
            .message
            .contains("in bash, not in python"),
        "{error:?}"
    );
}

async fn code_is_looked_over_without_being_saved(server: TestServer) {
    let check = |content: &str| ScriptCheck {
        language: Language::Bash,
        content: content.into(),
    };
    let admin = server.admin();
    assert!(
        admin
            .script_check(&check("echo ok\n"))
            .await
            .unwrap()
            .problems
            .is_empty()
    );
    let found = admin
        .script_check(&check("if true; then\n"))
        .await
        .unwrap()
        .problems;
    assert!(!found.is_empty());
    assert!(
        admin
            .script_list(&ListRequest::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}
