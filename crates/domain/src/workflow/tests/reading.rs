//! Definitions are read, in every form that people write, and come out in one.

use super::*;

#[test]
fn the_examples_of_the_specification_are_saved_as_they_stand() {
    let (plan, warnings) = plan(examples());
    let target = |id: &str| Target::Step(plan.find(id).unwrap());
    let node = |id: &str| &plan.nodes[plan.find(id).unwrap()];
    assert_eq!(
        (node("health_check").success, node("health_check").failure),
        (target("deploy_step"), target("notify_failure"))
    );
    assert_eq!(
        (node("approve_deploy").success, node("approve_deploy").failure),
        (target("deploy_step"), Target::Cancelled)
    );
    let Kind::Conditional { on_true, on_false } = node("check_result").kind else {
        panic!("{node:?}", node = node("check_result"))
    };
    assert_eq!((on_true, on_false), (target("deploy_step"), target("rollback")));
    assert_eq!(warnings, ["/steps/2: is never reached: no route leads here"]);
}

#[test]
fn flat_and_nested_steps_have_one_normal_form() {
    let flat = json!({"steps": [{"id": "a", "type": "delay", "minutes": 5, "on_success": "completed"}]});
    let nested =
        json!({"steps": [{"id": "a", "type": "delay", "config": {"minutes": 5, "on_success": "completed"}}]});
    let normal = serde_json::to_value(read(flat.clone()).unwrap()).unwrap();
    assert_eq!(serde_json::to_value(read(nested).unwrap()).unwrap(), normal);
    assert_eq!(normal, flat);
    assert_eq!(
        serde_json::to_value(read(normal.clone()).unwrap()).unwrap(),
        normal,
        "it reads itself"
    );
    refused(
        json!([{"id": "a", "type": "delay", "minutes": 5, "config": {"minutes": 6}}]),
        "/steps/0/config/minutes",
        "given twice",
    );
}

/// A step of each type that is in no example, in its normal form.
fn whole() -> Value {
    json!({"inputs": [{"name": "version", "type": "string", "required": true}], "hosts": {"selector": "env=prod"}, "steps": [
        {"id": "a", "type": "script", "script": "patch", "version": 3, "parameters": {"n": 1, "v": "{{inputs.version}}"},
         "hosts": {"groups": ["web"]}, "timeout_seconds": 60, "retries": {"count": 2, "delay_seconds": 5, "factor": 3.0},
         "run_as_user": "deploy", "continue_on": {"percent": 80}},
        {"id": "b", "type": "http_request", "method": "POST", "url": "https://x.test/{{step_a.stdout}}", "json": {"a": ["{{step_a.status}}"]},
         "headers": {"X-A": "{{instance.id}}"}, "expected_status": [200, 204], "continue_on": "any"},
        {"id": "c", "type": "action", "action_id": 7, "parameters": {"x": true}, "timeout_seconds": 600},
        {"id": "d", "type": "approval", "title": "T", "approval_type": "majority", "approvers": ["user:1"], "timeout_minutes": 6,
         "reminder_minutes": 5, "allow_self_approval": true},
        {"id": "e", "type": "parallel", "on_branch_failure": "cancel", "timeout_seconds": 60, "branches": [
            {"name": "one", "steps": [{"id": "f", "type": "delay", "seconds": 1}]},
            {"steps": [{"id": "g", "type": "workflow", "workflow": "other", "inputs": {"a": "{{step_d.decided_by}}"}, "timeout_seconds": 3600,
                        "retries": {"count": 1, "delay_seconds": 0, "factor": 2.0}}]}]},
        {"id": "h", "type": "notify", "to": ["email:ops@example.com", "webhook:chat"], "title": "done", "message": "{{step_f.status}}"}
    ]})
}

#[test]
fn every_type_of_step_reads_its_own_normal_form() {
    let whole = whole();
    assert_eq!(serde_json::to_value(read(whole.clone()).unwrap()).unwrap(), whole);
    assert_eq!(plan(whole).1, Vec::<String>::new());
}

#[test]
fn what_is_unknown_is_refused_with_what_was_likely_meant() {
    refused(
        json!([{"id": "a", "type": "delay", "minute": 5, "hours": 1}]),
        "/steps/0/minute",
        "did you mean \"minutes\"?",
    );
    refused(
        json!([{"id": "a", "type": "comand"}]),
        "/steps/0/type",
        "did you mean \"command\"?",
    );
    refused(
        json!([{"id": "a", "type": "delay", "hours": "1"}]),
        "/steps/0/hours",
        "must be a whole number, and is a text",
    );
    refused(
        json!([{"type": "delay", "hours": 1}]),
        "/steps/0/id",
        "is missing",
    );
    refused(
        json!([{"id": "a", "type": "pam_checkout"}]),
        "/steps/0/type",
        "needs the vault",
    );
    refused(
        json!([{"id": "a", "type": "pam_checkin", "config": {}}]),
        "/steps/0/type",
        "needs the vault",
    );
    refused(json!([]), "/steps", "has no steps");
    refused(
        json!([{"id": "a", "type": "parallel", "branches": [[command("b")], []]}]),
        "/steps/0/branches/1/steps",
        "branch 2 has no steps",
    );
    refused(json!([[]]), "/steps/0", "must be an object");
}

#[test]
fn what_is_wrong_inside_of_a_field_is_told_at_its_place() {
    let with = |field: &str, value: Value| {
        let mut step = command("a");
        step[field] = value;
        json!([step])
    };
    for (steps, pointer, part) in [
        (
            with("retries", json!({"count": 1, "cuont": 3})),
            "/steps/0/retries/cuont",
            "there is no field \"cuont\" here; did you mean \"count\"?",
        ),
        (
            with("retries", json!({"factor": 3})),
            "/steps/0/retries/count",
            "is missing",
        ),
        (
            with("retries", json!({"count": "3"})),
            "/steps/0/retries/count",
            "must be a whole number, and is a text",
        ),
        (
            with("retries", json!(3)),
            "/steps/0/retries",
            "must be an object, and is the number 3",
        ),
        (
            with("position", json!({"x": 1, "y": 2, "yy": 3})),
            "/steps/0/position/yy",
            "did you mean \"y\"?",
        ),
        (
            with("continue_on", json!({"percent": 50, "percnt": 5})),
            "/steps/0/continue_on/percnt",
            "did you mean \"percent\"?",
        ),
        (
            with("continue_on", json!("al")),
            "/steps/0/continue_on",
            "must be all, any or {percent: …}, and is \"al\"; did you mean \"all\"?",
        ),
        (
            with("continue_on", json!(80)),
            "/steps/0/continue_on",
            "must be all, any or {percent: …}, and is the number 80",
        ),
        (
            with("hosts", json!({"agents": ["a"], "label": {"env": "prod"}})),
            "/steps/0/hosts/label",
            "did you mean \"labels\"?",
        ),
        (
            with("hosts", json!({"labels": {"tier": 1}})),
            "/steps/0/hosts/labels",
            "one was read as the number 1: put quotes around it",
        ),
    ] {
        refused(steps, pointer, part);
    }
    let problems = read(json!({"hosts": {"agent": ["a"]}, "steps": [command("a")]})).unwrap_err();
    let told = |problem: &Problem| format!("{} {}", problem.pointer, problem.message);
    assert_eq!(
        problems.0.iter().map(told).collect::<Vec<_>>(),
        ["/hosts/agent there is no field \"agent\" here; did you mean \"agents\"?"]
    );
}

#[test]
fn what_yaml_reads_as_something_else_is_told_at_its_place() {
    let told = |source: &str| {
        let problems = read(serde_saphyr::from_str(source).unwrap()).unwrap_err();
        let told = |problem: &Problem| format!("{} {}", problem.pointer, problem.message);
        problems.0.iter().map(told).collect::<Vec<_>>()
    };
    let steps = "steps: [{id: a, type: delay, seconds: 1}]";
    for (source, expected) in [
        (
            format!("inputs: [{{name: m, type: string}}, {{name: n, type: integer}}]\n{steps}"),
            "/inputs/1/name must be a text, and was read as false: put quotes around it",
        ),
        (
            format!("inputs: [{{name: a, type: choice, choices: [maybe, yes]}}]\n{steps}"),
            "/inputs/0/choices must be a list of texts: one was read as true: put quotes around it",
        ),
        (
            format!("inputs: [{{name: a, type: text}}]\n{steps}"),
            "/inputs/0/type must be one of string, integer, number, boolean, choice, secret, and is \"text\"",
        ),
        (
            format!("inputs: [{{name: a, type: integer, minimum: low}}]\n{steps}"),
            "/inputs/0/minimum must be a number, and is a text",
        ),
        (
            format!("inputs: [a]\n{steps}"),
            "/inputs/0 must be an object with name and type",
        ),
        (
            format!("inputs: {{name: a}}\n{steps}"),
            "/inputs must be a list, and is an object",
        ),
        (
            "steps: [{id: n, type: delay, seconds: 1}]".to_owned(),
            "/steps/0/id must be a text, and was read as false: put quotes around it",
        ),
        (
            "steps: [{id: a, type: command, argv: [sleep, 5]}]".to_owned(),
            "/steps/0/argv must be a list of texts: one was read as the number 5: put quotes around it",
        ),
        (
            "steps: [{id: a, type: command, command: env, environment: {A: 5}}]".to_owned(),
            "/steps/0/environment must be an object of texts: one was read as the number 5: put quotes around it",
        ),
    ] {
        assert_eq!(told(&source), [expected], "{source}");
    }
}

#[test]
fn a_problem_names_the_step_that_it_is_about() {
    let late = |field: &str| json!({"id": "late", "type": "delay", "seconds": 1, field: "nowhere"});
    let inside = |step: Value| json!({"steps": [command("a"), {"id": "both", "type": "parallel", "config": {"branches": [[command("b")], [step]]}}]});
    let named = |source: Value| {
        let problems = read(source).and_then(|definition| Plan::new(definition).map(|_| ()));
        problems
            .unwrap_err()
            .0
            .into_iter()
            .map(|problem| problem.step)
            .collect::<Vec<_>>()
    };
    let late_is_named = [Some("late".to_owned())];
    assert_eq!(named(inside(late("hours"))), late_is_named, "what cannot be read");
    assert_eq!(
        named(inside(late("on_success"))),
        late_is_named,
        "what breaks a rule"
    );
    let one_branch = json!({"steps": [{"id": "both", "type": "parallel", "branches": [[command("b")]]}]});
    assert_eq!(named(one_branch), [Some("both".to_owned())]);
    assert_eq!(named(json!({"hosts": {}, "steps": [command("a")]})), [None]);
    // It would be repeated with each problem.
    let long = json!({"steps": [{"id": "x".repeat(MAX_ID + 1), "type": "delay", "seconds": 1}]});
    assert_eq!(named(long), [None]);
}

/// The workflows that a page of the documentation writes into files.
fn examples_of(page: &str) -> Vec<Value> {
    let text_of = |rest: &str| {
        let (file, text) = rest.split_once(" <<'END'\n")?;
        let (text, _) = text.split_once("\nEND\n")?;
        file.ends_with(".yaml").then(|| text.to_owned())
    };
    let texts = page.split("\ncat > ").skip(1).filter_map(text_of);
    texts.map(|text| serde_saphyr::from_str(&text).unwrap()).collect()
}

/// As people write them, all of which are read.
fn documents() -> Vec<Value> {
    let pages = [
        include_str!("../../../../../docs/rooms/workflows.md"),
        include_str!("../../../../../docs/rooms/approvals.md"),
        include_str!("../../../../../docs/rooms/notify.md"),
    ];
    let documented: Vec<Value> = pages.into_iter().flat_map(examples_of).collect();
    assert_eq!(documented.len(), 4);
    let templates = templates::TEMPLATES
        .iter()
        .map(|template| serde_saphyr::from_str(template.source).unwrap());
    let own = [
        examples(),
        whole(),
        json!({"name": 7, "description": null, "organization": 3, "department": "web", "steps": [command("a")]}),
        json!({"steps": [{"id": "p", "type": "parallel", "branches": [[command("a")], {"name": "b", "steps": [command("b")]}]}]}),
        json!({"steps": [{"id": "a", "type": "delay", "config": {"minutes": 5}, "seconds": 1, "on_success": "completed"}]}),
        json!({"steps": [{"config": {"id": "a", "type": "notify", "to": ["user:1"]}, "title": "T"}]}),
        json!({"steps": [{"id": "p", "type": "parallel", "config": {"branches": [[command("a")], [command("b")]], "timeout_seconds": 60}}]}),
        json!({"inputs": [{"name": "n", "type": "integer", "minimum": null, "maximum": 5}], "steps": [command("a")]}),
        json!({"hosts": {"agents": ["web1"], "selector": null}, "steps": [command("a")]}),
    ];
    documented.into_iter().chain(templates).chain(own).collect()
}

#[test]
fn the_schema_takes_what_is_read() {
    let schema = json_schema();
    assert_eq!(schema["$defs"]["step"]["anyOf"].as_array().unwrap().len(), 10);
    let validator = jsonschema::validator_for(&schema).unwrap();
    for document in documents() {
        let told: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(told, Vec::<String>::new(), "{document:#}");
        let mut definition = document.clone();
        for heading in ["name", "description", "organization", "department"] {
            definition.as_object_mut().unwrap().remove(heading);
        }
        assert!(read(definition).is_ok(), "{document:#}");
    }
}

#[test]
fn the_schema_refuses_what_is_not_read() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    for step in [
        json!({"id": "a", "type": "delay", "minute": 5}),
        json!({"id": "a", "type": "delay", "config": {"minute": 5}}),
        json!({"id": "a", "type": "comand", "argv": ["x"]}),
        json!({"type": "delay", "hours": 1}),
        json!({"id": "a", "config": {"hours": 1}}),
        json!({"id": "a", "type": "delay", "hours": "1"}),
        json!({"id": "a", "type": "conditional", "condition": "true", "config": {"on_true": "failed"}}),
        json!({"id": "a", "type": "command", "argv": ["x"], "retries": {"cuont": 1}}),
        json!({"id": "a", "type": "command", "argv": ["x"], "continue_on": "some"}),
        json!({"id": "a", "type": "command", "argv": ["x"], "hosts": {"agent": ["a"]}}),
        json!({"id": "a", "type": "parallel", "branches": [command("b"), [command("c")]]}),
        json!([]),
    ] {
        let document = json!({"steps": [step]});
        assert!(!validator.is_valid(&document), "{document}");
        assert!(read(document.clone()).is_err(), "{document}");
    }
}

#[test]
fn each_template_is_right_as_it_stands() {
    assert_eq!(templates::TEMPLATES.len(), 6);
    for template in templates::TEMPLATES {
        let value: Value = serde_saphyr::from_str(template.source).unwrap();
        let definition = read(value).unwrap_or_else(|problems| panic!("{}: {problems:#?}", template.name));
        let (_, warnings) =
            Plan::new(definition).unwrap_or_else(|problems| panic!("{}: {problems:#?}", template.name));
        assert_eq!(warnings.0, [], "{}", template.name);
        assert!(
            template.source.starts_with("# "),
            "{} says what it does",
            template.name
        );
    }
}
