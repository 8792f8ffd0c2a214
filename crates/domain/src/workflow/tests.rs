use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::expression::{Condition, Template};

/// The three examples of spec 5, word for word, with the steps that they name.
fn examples() -> Value {
    json!({"steps": [
        {"id":"step_scan","type":"command","command":"scan --fast"},
        {"id":"health_check","type":"script","name":"Run health check","script_id":42,
         "parameters":{"threshold":"90"},"on_success":"deploy_step","on_failure":"notify_failure"},
        {"id":"approve_deploy","type":"approval","title":"Approve production deployment","approval_type":"one_of_many",
         "approvers":["role:admin","user:5"],"timeout_minutes":60,"on_success":"deploy_step","on_failure":"cancelled"},
        {"id":"check_result","type":"conditional","config":{"condition":"{{step_scan.exit_code}} == 0",
         "on_true":"continue","on_false":"rollback"}},
        {"id":"deploy_step","type":"command","argv":["deploy","{{step_health_check.stdout}}"],"on_success":"completed"},
        {"id":"rollback","type":"command","command":"rollback","on_success":"failed"},
        {"id":"notify_failure","type":"notify","to":["role:operator"],"title":"Health check failed","on_success":"check_result"}
    ]})
}

#[track_caller]
fn plan(source: Value) -> (Plan, Vec<String>) {
    let (plan, warnings) = Plan::new(read(source).unwrap()).unwrap();
    let told = |problem: Problem| format!("{}: {}", problem.pointer, problem.message);
    (plan, warnings.0.into_iter().map(told).collect())
}

/// The one problem that a definition of these steps has.
#[track_caller]
fn refused(steps: Value, pointer: &str, part: &str) {
    let problems = match read(json!({"steps": steps})) {
        Err(problems) => problems,
        Ok(definition) => Plan::new(definition).map(|_| ()).expect_err(part),
    };
    let errors: Vec<&Problem> = problems
        .0
        .iter()
        .filter(|one| one.severity == Severity::Error)
        .collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_eq!(errors[0].pointer, pointer, "{errors:#?}");
    assert!(errors[0].message.contains(part), "{errors:#?}");
}

fn command(id: &str) -> Value {
    json!({"id": id, "type": "command", "argv": ["true"]})
}

/// A command that has a value among its arguments.
fn uses(id: &str, path: &str) -> Value {
    json!({"id": id, "type": "command", "argv": ["echo", format!("{{{{{path}}}}}")]})
}

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

#[test]
fn every_type_of_step_reads_its_own_normal_form() {
    let whole = json!({"inputs": [{"name": "version", "type": "string", "required": true}], "hosts": {"selector": "env=prod"}, "steps": [
        {"id": "a", "type": "script", "script": "patch", "version": 3, "parameters": {"n": 1, "v": "{{inputs.version}}"},
         "hosts": {"groups": ["web"]}, "timeout_seconds": 60, "retries": {"count": 2, "delay_seconds": 5, "factor": 3.0},
         "run_as_user": "deploy", "continue_on": {"percent": 80}},
        {"id": "b", "type": "http_request", "method": "POST", "url": "https://x.test/{{step_a.stdout}}", "json": {"a": ["{{step_a.status}}"]},
         "headers": {"X-A": "{{instance.id}}"}, "expected_status": [200, 204], "continue_on": "any"},
        {"id": "c", "type": "action", "action_id": 7, "parameters": {"x": true}, "timeout_seconds": 600},
        {"id": "d", "type": "approval", "title": "T", "approval_type": "majority", "approvers": ["user:1"], "timeout_minutes": 6,
         "reminder_minutes": 5, "allow_self_approval": true},
        {"id": "e", "type": "parallel", "on_branch_failure": "cancel", "branches": [
            {"name": "one", "steps": [{"id": "f", "type": "delay", "seconds": 1}]},
            {"steps": [{"id": "g", "type": "workflow", "workflow": "other", "inputs": {"a": "{{step_d.decided_by}}"}, "timeout_seconds": 3600,
                        "retries": {"count": 1, "delay_seconds": 0, "factor": 2.0}}]}]},
        {"id": "h", "type": "notify", "to": ["email:ops@example.com", "webhook:chat"], "title": "done", "message": "{{step_f.status}}"}
    ]});
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
    refused(
        json!([{"id": "a", "type": "command", "argv": ["x"], "retries": {"cuont": 1}}]),
        "/steps/0/retries",
        "cuont",
    );
    refused(json!([]), "/steps", "has no steps");
    refused(json!([[]]), "/steps/0", "must be an object");
}

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
        "give script_id or script",
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
fn no_value_gets_into_a_text_that_somebody_parses() {
    let scan = command("scan");
    let shell =
        json!([scan, {"id": "a", "type": "command", "shell": true, "command": "echo {{step_scan.stdout}}"}]);
    refused(shell, "/steps/1/command", "write \"$VALUE\" here");
    let url = json!([scan, {"id": "a", "type": "http_request", "url": "https://{{step_scan.stdout}}/x"}]);
    refused(url, "/steps/1/url", "who is called is written down");
    let body = json!([scan, {"id": "a", "type": "http_request", "url": "https://x.test", "body": "{\"a\": \"{{step_scan.stdout}}\"}"}]);
    refused(body, "/steps/1/body", "Give the body as json");
    let host = json!([scan, {"id": "a", "type": "http_request", "url": "https://x.test", "headers": {"Host": "{{step_scan.stdout}}"}}]);
    refused(host, "/steps/1/headers/Host", "who is called is written down");
    // Another language's braces are none of ours.
    let docker =
        json!([{"id": "a", "type": "command", "shell": true, "command": "docker inspect -f '{{.Name}}' x"}]);
    assert_eq!(plan(json!({"steps": docker})).1, Vec::<String>::new());
}

#[test]
fn variables_must_be_able_to_exist_where_they_stand() {
    refused(
        json!([uses("a", "step_b.stdout"), command("b")]),
        "/steps/0/argv/1",
        "no route leads from step \"b\"",
    );
    refused(
        json!([uses("a", "step_a.stdout")]),
        "/steps/0/argv/1",
        "no route leads from step \"a\"",
    );
    refused(
        json!([command("scan"), uses("a", "step_scna.stdout")]),
        "/steps/1/argv/1",
        "did you mean \"step_scan\"?",
    );
    refused(
        json!([command("scan"), uses("a", "step_scan.stdot")]),
        "/steps/1/argv/1",
        "did you mean \"stdout\"?",
    );
    refused(
        json!([command("scan"), uses("a", "step_scan.hosts.web.cpu")]),
        "/steps/1/argv/1",
        "hosts.NAME.stdout",
    );
    refused(
        json!([command("scan"), uses("a", "step_scan")]),
        "/steps/1/argv/1",
        "say what of it",
    );
    refused(
        json!([uses("a", "inputs.version")]),
        "/steps/0/argv/1",
        "there is no input",
    );
    refused(
        json!([uses("a", "db_account.username")]),
        "/steps/0/argv/1",
        "there is no variable",
    );
    refused(
        json!([{"id": "d", "type": "delay", "seconds": 1}, uses("a", "step_d.stdout")]),
        "/steps/1/argv/1",
        "it leaves status",
    );
    let beside =
        json!([{"id": "p", "type": "parallel", "branches": [[command("a")], [uses("b", "step_a.stdout")]]}]);
    refused(
        beside,
        "/steps/0/branches/1/steps/0/argv/1",
        "runs at the same time",
    );
}

#[test]
fn variables_that_exist_on_some_ways_only_are_doubtful() {
    let steps = json!([
        {"id": "c", "type": "conditional", "condition": "inputs.fast", "on_true": "last", "on_false": "scan"},
        command("scan"),
        uses("last", "step_scan.stdout"),
    ]);
    let fast = json!([{"name": "fast", "type": "boolean", "required": true}]);
    let (_, warnings) = plan(json!({"inputs": fast, "steps": steps}));
    assert_eq!(
        warnings,
        [
            "/steps/2/argv/1: step_scan.stdout does not exist when step \"scan\" was passed by: this step fails then"
        ]
    );
    let joined = |mode: &str, route: &str| {
        let mut parallel = json!({"id": "p", "type": "parallel", "on_branch_failure": mode,
                                  "branches": [[command("a")], [command("b"), command("c")]]});
        parallel[route] = json!("last");
        // The other route ends it.
        parallel[if route == "on_success" {
            "on_failure"
        } else {
            "on_success"
        }] = json!("failed");
        plan(json!({"steps": [parallel, uses("last", "step_c.stdout")]}))
            .1
            .len()
    };
    assert_eq!(
        joined("wait", "on_success"),
        1,
        "b may have failed, and then c never ran"
    );
    let steps = |mode: &str| {
        json!([{"id": "p", "type": "parallel", "on_branch_failure": mode, "branches": [[command("a")], [command("b")]],
                                     "on_failure": "last", "on_success": "failed"}, uses("last", "step_b.stdout")])
    };
    assert_eq!(plan(json!({"steps": steps("wait")})).1.len(), 0);
    assert_eq!(
        plan(json!({"steps": steps("cancel")})).1.len(),
        1,
        "b may have been cancelled"
    );
}

#[test]
fn secret_inputs_go_whole_to_what_keeps_them_secret() {
    let inputs = json!([{"name": "key", "type": "secret"}]);
    let script = |value: &str| json!({"inputs": inputs, "steps": [{"id": "a", "type": "script", "script": "s", "parameters": {"token": value}}]});
    assert!(Plan::new(read(script("{{inputs.key}}")).unwrap()).is_ok());
    let problems = Plan::new(read(script("x {{inputs.key}}")).unwrap()).unwrap_err();
    assert!(problems.0[0].message.contains("is secret"), "{problems:?}");
    let text = json!({"inputs": inputs, "steps": [uses("a", "inputs.key")]});
    assert!(Plan::new(read(text).unwrap()).is_err());
}

#[test]
fn commands_are_cut_before_a_value_is_there() {
    let shown = |text: &str| -> Vec<String> {
        let hostile = Hostile("a b; $(reboot) 'c' \"d\" `e`\n--force".to_owned());
        arguments(text)
            .unwrap()
            .iter()
            .map(|argument| argument.text(&hostile).unwrap())
            .collect()
    };
    assert_eq!(shown("echo a  b"), ["echo", "a", "b"]);
    assert_eq!(
        shown(r#"echo 'a b' "c\"d" e\ f '' "$HOME" g"h"'i'"#),
        ["echo", "a b", "c\"d", "e f", "", "$HOME", "ghi"]
    );
    let hostile = "a b; $(reboot) 'c' \"d\" `e`\n--force";
    assert_eq!(
        shown("deploy {{x.y}} --to={{ x.y }}"),
        ["deploy", hostile, &format!("--to={hostile}")]
    );
    assert_eq!(
        shown("deploy '{{x[\"a b\"]}}' \"{{x.y}}\""),
        ["deploy", hostile, hostile]
    );
}

struct Hostile(String);

impl crate::expression::Variables for Hostile {
    fn value(&self, _: &crate::expression::Path) -> Option<std::borrow::Cow<'_, Value>> {
        Some(std::borrow::Cow::Owned(Value::from(self.0.as_str())))
    }
}

/// Values as the table of spec 5 has them.
#[test]
fn variables_have_the_values_of_the_table() {
    let mut source = examples();
    source["inputs"] = json!([{"name": "n", "type": "integer"}, {"name": "key", "type": "secret"}]);
    let (plan, _) = plan(source);
    let host = |name: &str, code: i32, stdout: &str| HostResult {
        agent_id: None,
        name: name.to_owned(),
        status: "completed".to_owned(),
        exit_code: Some(code),
        stdout: stdout.to_owned(),
        stderr: format!("err of {name}\r\n"),
    };
    let scan = StepResult {
        status: "failed".to_owned(),
        hosts: vec![
            host(
                "db.example.com",
                0,
                "{\"load\": 0.5, \"list\": [1, {\"password\": \"p\"}], \"t\": \"5\"}\n",
            ),
            host("web-1", 7, "plain\n\n"),
            host("web-2", 9, ""),
        ],
        more: BTreeMap::new(),
    };
    let approval = StepResult {
        status: "approved".to_owned(),
        more: BTreeMap::from([("decided_by".to_owned(), json!("ada"))]),
        hosts: Vec::new(),
    };
    let results = BTreeMap::from([
        ("step_scan".to_owned(), scan),
        ("approve_deploy".to_owned(), approval),
    ]);
    let inputs = BTreeMap::from([("n".to_owned(), json!(5)), ("key".to_owned(), json!("never"))]);
    let scope = Scope::new(&plan, &results, &inputs, BTreeMap::from([("id", json!(12))]));
    let value = |path: &str| {
        Template::parse(&format!("{{{{{path}}}}}"))
            .unwrap()
            .value(&scope)
            .ok()
    };
    let whole = "{\"load\": 0.5, \"list\": [1, {\"password\": \"p\"}], \"t\": \"5\"}";
    for (path, expected) in [
        ("step_scan.stdout", Some(json!(whole))),
        ("variables.step_scan.stderr", Some(json!("err of db.example.com"))),
        ("step_scan.exit_code", Some(json!(7))),
        ("step_scan.status", Some(json!("failed"))),
        ("step_scan.json.load", Some(json!(0.5))),
        ("step_scan.json.t", Some(json!("5"))),
        ("step_scan.json.list[0]", Some(json!(1))),
        ("step_scan.json.list.0", Some(json!(1))),
        // What a script printed is data, whatever its keys are called.
        ("step_scan.json.list[1].password", Some(json!("p"))),
        ("step_scan.json.gone", None),
        ("step_scan.hosts.web-1.stdout", Some(json!("plain"))),
        ("step_scan.hosts.web-1.json.x", None),
        ("step_scan.hosts['db.example.com'].json.load", Some(json!(0.5))),
        ("step_scan.hosts.web-2.exit_code", Some(json!(9))),
        ("step_scan.hosts.web-3.exit_code", None),
        ("step_approve_deploy.status", Some(json!("approved"))),
        ("step_approve_deploy.decided_by", Some(json!("ada"))),
        ("step_rollback.stdout", None),
        ("inputs.n", Some(json!(5))),
        ("inputs.key", Some(json!("***CREDENTIAL_BLOCKED***"))),
        ("instance.id", Some(json!(12))),
        ("db_account.username", None),
        ("db_account.password", Some(json!("***CREDENTIAL_BLOCKED***"))),
        (
            "variables.db_account.PASSWORD",
            Some(json!("***CREDENTIAL_BLOCKED***")),
        ),
        (
            "db_account[\"pass-word\"]",
            Some(json!("***CREDENTIAL_BLOCKED***")),
        ),
        (
            "db_account.nested.ssh_key",
            Some(json!("***CREDENTIAL_BLOCKED***")),
        ),
    ] {
        assert_eq!(value(path), expected, "{path}");
    }
    let holds = |text: &str| Condition::parse(text).unwrap().evaluate(&scope);
    assert_eq!(
        holds("step_scan.exit_code == 7 && step_scan.json.load < 1"),
        Ok(true)
    );
}

#[test]
fn the_schema_takes_what_is_taken_and_names_every_field() {
    let schema = json_schema();
    let steps = schema["$defs"]["step"]["anyOf"].as_array().unwrap();
    assert_eq!(steps.len(), 20, "ten types, flat and nested");
    for kind in [
        "script",
        "command",
        "http_request",
        "action",
        "approval",
        "conditional",
        "delay",
        "notify",
        "parallel",
        "workflow",
    ] {
        assert!(
            steps
                .iter()
                .any(|step| step["properties"]["type"]["const"] == kind),
            "{kind}"
        );
    }
}

#[test]
fn what_can_have_a_value_is_offered_although_the_definition_is_wrong_elsewhere() {
    let definition = read(json!({"inputs": [{"name": "who", "type": "string"}], "steps": [
        command("first"),
        {"id": "ask", "type": "approval", "title": "{{step_firs.stdout}}", "approval_type": "singular",
         "approvers": ["user:1"], "timeout_minutes": 5, "on_failure": "last"},
        {"id": "both", "type": "parallel", "branches": [{"steps": [command("left")]}, {"steps": [command("right")]}]},
        command("last"),
    ]}))
    .unwrap();
    let offered = offered(&definition);
    let of = |step: &str| -> Vec<&str> {
        let all = offered[step].iter().map(String::as_str);
        all.filter(|path| path.starts_with("step_")).collect()
    };
    assert_eq!(
        offered["first"],
        [
            "inputs.who",
            "instance.id",
            "instance.workflow",
            "instance.started_by",
            "instance.started_at"
        ]
    );
    let first =
        ["stdout", "stderr", "exit_code", "status", "json"].map(|field| format!("step_first.{field}"));
    let ask = ["status", "decided_by", "comment"].map(|field| format!("step_ask.{field}"));
    assert_eq!(of("ask"), first);
    assert_eq!(
        of("left"),
        [first.as_slice(), &ask].concat(),
        "not what runs beside it"
    );
    assert!(of("last").contains(&"step_right.stdout") && of("last").contains(&"step_both.status"));
    assert!(Plan::new(definition).is_err());
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

#[test]
fn a_timeout_is_within_its_bounds() {
    let action =
        |seconds: u64| json!([{"id": "a", "type": "action", "action": "x", "timeout_seconds": seconds}]);
    let other =
        |seconds: u64| json!([{"id": "a", "type": "workflow", "workflow": "x", "timeout_seconds": seconds}]);
    let week = u64::from(crate::job::MAX_TIMEOUT_SECONDS);
    for steps in [action(1), action(week), other(1), other(MAX_WAIT_SECONDS)] {
        plan(json!({"steps": steps}));
    }
    for steps in [action(0), action(week + 1), other(0), other(MAX_WAIT_SECONDS + 1)] {
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

#[test]
fn a_result_of_before_agents_were_kept_is_read_and_written_as_it_was() {
    let stored = json!({"status": "failed", "hosts": [
        {"name": "web-1", "status": "failed", "exit_code": 1, "stdout": "", "stderr": ""},
    ]});
    let result: StepResult = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(result.hosts[0].agent_id, None);
    assert_eq!(serde_json::to_value(&result).unwrap(), stored);
}
