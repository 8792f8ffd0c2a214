//! Libraries: in which order they come, and that a version keeps those that it links.

use postern_api::scripts::{ScriptDefinition, ScriptKind, ScriptRestore, ScriptRun, ScriptUpdate};
use postern_protocol::payload::JobPayload;
use postern_testkit::{Database, TestServer, key, targets};
use serde_json::json;

use super::{code, edited, link, run, saved, sha256};
use crate::{on_both_databases, refused};

on_both_databases! {
    libraries_come_first_and_in_their_order,
    a_library_in_use_stays_and_says_by_whom,
    a_library_of_an_older_version_stays_and_is_run_under_its_new_name,
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
