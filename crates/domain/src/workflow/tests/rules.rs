//! What a definition must keep to, apart from its placeholders.

use super::*;

#[test]
fn ids_and_routes_are_checked() {
    refused(
        json!([command("a"), command("a")]),
        "/steps/1/id",
        "two steps with the id",
    );
    refused(json!([command("1a")]), "/steps/0/id", "begin with a letter");
    refused(json!([command("failed")]), "/steps/0/id", "a word of routes");
    refused(
        json!([command("scan"), command("step_scan")]),
        "/steps/0/id",
        "would both be step_scan",
    );
    let mut lost = command("a");
    lost["on_success"] = json!("bb");
    refused(
        json!([lost, command("b")]),
        "/steps/0/on_success",
        "did you mean \"b\"?",
    );
    let into = json!([
        {"id": "p", "type": "parallel", "branches": [[command("a")], [command("b")]]},
        {"id": "c", "type": "delay", "seconds": 1, "on_success": "a"},
    ]);
    refused(into, "/steps/1/on_success", "leads into none");
}

#[test]
fn each_type_of_step_has_its_rules() {
    let approval = |kind: &str, approvers: Value| json!([{"id": "a", "type": "approval", "title": "T", "approval_type": kind, "approvers": approvers}]);
    refused(
        approval("singular", json!(["role:approver"])),
        "/steps/0/approvers",
        "exactly one user",
    );
    refused(
        approval("singular", json!(["user:1", "user:2"])),
        "/steps/0/approvers",
        "exactly one user",
    );
    refused(
        approval("two_of_many", json!(["user:1", "user:1"])),
        "/steps/0/approvers",
        "fewer than the two people",
    );
    refused(approval("all", json!([])), "/steps/0/approvers", "must name 1 to");
    refused(
        approval("all", json!(["group:1"])),
        "/steps/0/approvers/0",
        "role:NAME or user:ID",
    );
    refused(
        approval("some", json!(["user:1"])),
        "/steps/0/approval_type",
        "must be one of singular",
    );
    refused(
        json!([{"id": "a", "type": "delay"}]),
        "/steps/0/seconds",
        "give seconds, minutes or hours",
    );
    refused(
        json!([{"id": "a", "type": "command"}]),
        "/steps/0/command",
        "give command or argv",
    );
    refused(
        json!([{"id": "a", "type": "command", "command": "x", "argv": ["x"]}]),
        "/steps/0/argv",
        "not both",
    );
    refused(
        json!([{"id": "a", "type": "command", "command": "x 'y"}]),
        "/steps/0/command",
        "a quote that does not end",
    );
    refused(
        json!([{"id": "a", "type": "script"}]),
        "/steps/0/script_id",
        "names no script: choose one",
    );
    refused(
        json!([{"id": "a", "type": "notify", "to": ["chat"], "title": "T"}]),
        "/steps/0/to/0",
        "is nobody",
    );
    refused(
        json!([{"id": "a", "type": "parallel", "branches": [[command("b")]]}]),
        "/steps/0/branches",
        "must be 2 to",
    );
    refused(
        json!([{"id": "a", "type": "command", "argv": ["x"], "retries": {"count": 11}}]),
        "/steps/0/retries/count",
        "1 to 10",
    );
    refused(
        json!([{"id": "a", "type": "conditional", "condition": "step_b.exit_code = 0", "on_true": "completed", "on_false": "failed"}, command("b")]),
        "/steps/0/condition",
        "written ==",
    );
}

#[test]
fn routes_that_nothing_takes_are_refused() {
    let mut condition = json!({"id": "a", "type": "conditional", "condition": "true", "on_true": "completed",
        "on_false": "failed", "on_failure": "cancelled"});
    plan(json!({"steps": [condition]}));
    condition["on_success"] = json!("completed");
    refused(
        json!([condition]),
        "/steps/0/on_success",
        "a condition leads to on_true or on_false",
    );
    let mut delay = json!({"id": "a", "type": "delay", "seconds": 1, "on_success": "completed"});
    plan(json!({"steps": [delay]}));
    delay["on_failure"] = json!("failed");
    refused(json!([delay]), "/steps/0/on_failure", "a delay fails at nothing");
}

#[test]
fn hosts_and_timeouts_are_checked_without_a_server() {
    let with = |field: &str, value: Value| {
        let mut step = command("a");
        step[field] = value;
        json!([step])
    };
    refused(with("hosts", json!({})), "/steps/0/hosts", "names no host");
    refused(
        with("hosts", json!({"all": true, "agents": ["a"]})),
        "/steps/0/hosts",
        "something narrower",
    );
    refused(
        with("hosts", json!({"labels": {"a b": "c"}})),
        "/steps/0/hosts/labels",
        "label key",
    );
    refused(
        json!([{"id": "a", "type": "workflow", "workflow": "w", "hosts": {}}]),
        "/steps/0/hosts",
        "names no host",
    );
    let whole = read(json!({"hosts": {}, "steps": [command("a")]})).unwrap();
    let problems = Plan::new(whole).expect_err("no hosts");
    assert_eq!(problems.0[0].pointer, "/hosts");
    for seconds in [0, 7 * 24 * 3600 + 1] {
        refused(
            with("timeout_seconds", json!(seconds)),
            "/steps/0/timeout_seconds",
            "must be 1 to 604800",
        );
    }
    for seconds in [1, 7 * 24 * 3600] {
        plan(json!({"steps": with("timeout_seconds", json!(seconds))}));
    }
}

#[test]
fn reminders_come_now_and_then_before_the_time_is_over() {
    let ask = |every: u32| {
        json!([{"id": "a", "type": "approval", "title": "T", "approval_type": "singular", "approvers": ["user:1"],
                "timeout_minutes": 60, "reminder_minutes": every}])
    };
    for every in [0, 4, 60, 61] {
        refused(
            ask(every),
            "/steps/0/reminder_minutes",
            "must be 5 or more, and less than timeout_minutes, which is 60",
        );
    }
    for every in [5, 59] {
        plan(json!({"steps": ask(every)}));
    }
}

#[test]
fn what_was_checked_once_runs_by_the_rules_of_its_time() {
    let kept = json!({"steps": [{"id": "a", "type": "delay", "seconds": 1, "on_failure": "failed"}, uses("b", "step_a.status")]});
    let definition = read(kept).unwrap();
    assert!(Plan::new(definition.clone()).is_err());
    let plan = Plan::kept(definition).unwrap();
    assert_eq!(plan.nodes[1].needs, ["a"]);
    let lost = json!({"steps": [{"id": "a", "type": "delay", "seconds": 1, "on_success": "gone"}]});
    assert!(Plan::kept(read(lost).unwrap()).is_err(), "no graph");
}

#[test]
fn a_timeout_is_within_its_bounds() {
    let action =
        |seconds: u64| json!([{"id": "a", "type": "action", "action": "x", "timeout_seconds": seconds}]);
    let other =
        |seconds: u64| json!([{"id": "a", "type": "workflow", "workflow": "x", "timeout_seconds": seconds}]);
    let both = |seconds: u64| {
        let branches = json!([[command("b")], [command("c")]]);
        json!([{"id": "a", "type": "parallel", "branches": branches, "timeout_seconds": seconds}])
    };
    let week = u64::from(crate::job::MAX_TIMEOUT_SECONDS);
    let longest = MAX_WAIT_SECONDS;
    for steps in [
        action(1),
        action(week),
        other(1),
        other(longest),
        both(1),
        both(longest),
    ] {
        plan(json!({"steps": steps}));
    }
    for steps in [
        action(0),
        action(week + 1),
        other(0),
        other(longest + 1),
        both(0),
        both(longest + 1),
    ] {
        refused(steps, "/steps/0/timeout_seconds", "must be 1 to ");
    }
    let retries =
        json!([{"id": "a", "type": "workflow", "workflow": "x", "retries": {"count": MAX_RETRIES + 1}}]);
    refused(retries, "/steps/0/retries/count", "must be 1 to 10");
}

/// Parallel steps inside each other, with a command in the innermost.
fn nested(depth: usize) -> Value {
    let inner = json!([command(&format!("c{depth}")), command(&format!("d{depth}"))]);
    (0..depth).fold(inner, |inside, level| {
        let beside = json!([command(&format!("b{level}"))]);
        json!([{"id": format!("p{level}"), "type": "parallel", "branches": [inside, beside]}])
    })
}

#[test]
fn parallel_steps_nest_so_deep_and_no_deeper() {
    plan(json!({"steps": nested(MAX_NESTING)}));
    let at = |depth: usize| format!("/steps/0{}/type", "/branches/0/steps/0".repeat(depth));
    refused(nested(MAX_NESTING + 1), &at(MAX_NESTING), "nest at most 3 deep");
    // What is deeper still is not looked at: each level of it would be gone through twice as often as the one around it.
    refused(nested(50), &at(MAX_NESTING), "nest at most 3 deep");
    let definition = read(json!({"steps": nested(50)})).unwrap();
    assert_eq!(offered(&definition).len(), 2 * MAX_NESTING + 1);
}

#[test]
fn a_workflow_has_so_many_steps_and_no_more() {
    let steps = |count: usize| -> Value { (0..count).map(|number| command(&format!("s{number}"))).collect() };
    plan(json!({"steps": steps(MAX_STEPS)}));
    refused(steps(MAX_STEPS + 1), "/steps", "at most 200 are allowed");
    // Routes to what was not looked at are no mistake of their own.
    let mut many = steps(MAX_STEPS * 20);
    many[0]["on_failure"] = json!("s3999");
    refused(many, "/steps", "at most 200 are allowed");
}

#[test]
fn a_long_route_to_nowhere_gets_no_suggestion() {
    let long = "s".repeat(100_000);
    let mut steps = json!([command("s0"), command("s1")]);
    steps[0]["on_success"] = json!(long);
    refused(steps, "/steps/0/on_success", "which does not exist");
}
