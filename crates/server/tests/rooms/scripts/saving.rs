//! Saving scripts: versions, names, and what is refused.

use postern_api::{
    ListRequest,
    scripts::{
        LibraryLink, ScriptCheck, ScriptCreate, ScriptDefinition, ScriptKind, ScriptRestore, ScriptUpdate,
    },
};
use postern_domain::parameter::ParameterType;
use postern_protocol::payload::Language;
use postern_testkit::{TestServer, key};

use super::{code, edited, link, parameter, saved, script, typed};
use crate::{on_both_databases, refused};

on_both_databases! {
    a_save_that_says_something_else_is_a_version_and_versions_stay,
    an_edit_of_an_older_version_is_refused,
    names_are_taken_once_and_the_search_looks_into_the_text,
    what_a_script_cannot_say_is_refused,
    code_is_looked_over_without_being_saved,
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
