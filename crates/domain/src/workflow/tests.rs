mod reading;
mod rules;
mod values;

use serde_json::{Value, json};

use super::*;

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
