//! Placeholders: what they may name where, what that is, and where no value ever gets.

use std::{borrow::Cow, collections::BTreeMap};

use super::*;
use crate::expression::{Condition, Path, Template, Variables};

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
    let mut limited = steps("wait");
    limited[0]["timeout_seconds"] = json!(60);
    assert_eq!(
        plan(json!({"steps": limited})).1.len(),
        1,
        "b may have taken too long"
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

impl Variables for Hostile {
    fn value(&self, _: &Path) -> Option<Cow<'_, Value>> {
        Some(Cow::Owned(Value::from(self.0.as_str())))
    }
}

/// Values as the table of spec 5 has them.
#[test]
fn variables_have_the_values_of_the_table() {
    let mut source = examples();
    source["inputs"] = json!([{"name": "n", "type": "integer"}, {"name": "key", "type": "secret"}]);
    let (plan, _) = plan(source);
    let host = |name: &str, code: i32, stdout: &str| HostResult {
        name: name.to_owned(),
        status: "completed".to_owned(),
        exit_code: Some(code),
        stdout: stdout.to_owned(),
        stderr: format!("err of {name}\r\n"),
        ..HostResult::default()
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

/// What a path comes to where `scan` left this.
fn of_scan(hosts: Vec<HostResult>, path: &str) -> Result<Value, String> {
    let (plan, _) = plan(examples());
    let scan = StepResult {
        status: "failed".to_owned(),
        hosts,
        ..StepResult::default()
    };
    let (results, inputs) = (BTreeMap::from([("step_scan".to_owned(), scan)]), BTreeMap::new());
    let scope = Scope::new(&plan, &results, &inputs, BTreeMap::new());
    let template = Template::parse(&format!("{{{{{path}}}}}")).unwrap();
    template.value(&scope).map_err(|error| error.to_string())
}

#[test]
fn a_host_that_did_not_complete_is_no_exit_code_of_0() {
    let host = |name: &str, status: &str, exit_code: Option<i32>, reason: Option<&str>| HostResult {
        name: name.to_owned(),
        status: status.to_owned(),
        exit_code,
        reason: reason.map(str::to_owned),
        ..HostResult::default()
    };
    let done = |name: &str| host(name, "completed", Some(0), None);
    let missing = |why: &str| Err(format!("step_scan.exit_code does not exist{why}"));
    let late = host(
        "web-2",
        "timeout",
        None,
        Some("Killed by the agent after 5 seconds"),
    );
    let why_late =
        ": web-2 has no exit code, as its job ended as timeout (Killed by the agent after 5 seconds)";
    for (hosts, expected) in [
        (vec![done("web-1"), done("web-2")], Ok(json!(0))),
        (vec![done("web-1"), late.clone()], missing(why_late)),
        (vec![late.clone()], missing(why_late)),
        (
            vec![
                done("web-1"),
                late.clone(),
                host("web-3", "failed", Some(7), None),
            ],
            Ok(json!(7)),
        ),
        (
            vec![done("web-1"), host("web-2", "unknown", None, None)],
            missing(": web-2 has no exit code, as its job ended as unknown (nothing more is known)"),
        ),
        (
            vec![
                done("web-1"),
                host("web-2", "cancelled", None, None),
                late.clone(),
            ],
            missing(": web-2 has no exit code, as its job ended as cancelled (nothing more is known)"),
        ),
        // A kind of job that has none leaves that to the others.
        (
            vec![done("web-1"), host("web-2", "completed", None, None)],
            Ok(json!(0)),
        ),
        (vec![host("web-1", "completed", None, None)], missing("")),
        (vec![], missing("")),
    ] {
        assert_eq!(
            of_scan(hosts.clone(), "step_scan.exit_code"),
            expected,
            "{hosts:?}"
        );
    }
    let both = vec![done("web-1"), late];
    assert_eq!(
        of_scan(both.clone(), "step_scan.hosts.web-1.exit_code"),
        Ok(json!(0))
    );
    assert_eq!(
        of_scan(both, "step_scan.hosts.web-2.exit_code"),
        Err(format!(
            "step_scan.hosts.web-2.exit_code does not exist{why_late}"
        ))
    );
}

#[test]
fn what_was_cut_says_so_where_it_is_no_json_any_more() {
    let host = |name: &str, stdout: &str, stdout_cut: Option<usize>| HostResult {
        name: name.to_owned(),
        status: "completed".to_owned(),
        exit_code: Some(0),
        stdout: stdout.to_owned(),
        stdout_cut,
        ..HostResult::default()
    };
    let hosts = vec![
        host("web-1", "{\"load\": 1, \"pa", Some(64 * 1024)),
        host("web-2", "{\"load\": 1, \"pa", Some(61_680)),
        host("web-3", "{\"load\": 1, \"pa", None),
        host("web-4", "{\"load\": 1}", Some(64 * 1024)),
    ];
    for (path, expected) in [
        (
            "step_scan.json.load",
            Err(": what web-1 printed was cut after 64 KiB, and is not JSON any more"),
        ),
        (
            "step_scan.hosts.web-2.json.load",
            Err(": what web-2 printed was cut after 61680 bytes, and is not JSON any more"),
        ),
        ("step_scan.hosts.web-3.json.load", Err("")),
        ("step_scan.hosts.web-4.json.load", Ok(json!(1))),
        ("step_scan.hosts.web-4.json.gone", Err("")),
        ("step_scan.stdout", Ok(json!("{\"load\": 1, \"pa"))),
    ] {
        let expected = expected.map_err(|why| format!("{path} does not exist{why}"));
        assert_eq!(of_scan(hosts.clone(), path), expected, "{path}");
    }
    let result = StepResult {
        hosts,
        ..StepResult::default()
    };
    assert_eq!(
        result.cuts(),
        [
            "stdout of web-1 after 64 KiB",
            "stdout of web-2 after 61680 bytes",
            "stdout of web-4 after 64 KiB"
        ]
    );
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
fn a_result_of_before_agents_were_kept_is_read_and_written_as_it_was() {
    let stored = json!({"status": "failed", "hosts": [
        {"name": "web-1", "status": "failed", "exit_code": 1, "stdout": "", "stderr": ""},
    ]});
    let result: StepResult = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(result.hosts[0].agent_id, None);
    assert_eq!(serde_json::to_value(&result).unwrap(), stored);
}
