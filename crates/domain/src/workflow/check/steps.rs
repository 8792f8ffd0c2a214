//! What each type of step must keep to.

use std::collections::BTreeSet;

use super::{MAX_APPROVERS, MAX_BRANCHES, MAX_RETRIES, MAX_WAIT_SECONDS, MIN_REMINDER_MINUTES, Place, hosts};
use crate::{
    expression::{Condition, Template},
    fill::escaped,
    job::MAX_TIMEOUT_SECONDS,
    member::Member,
    notify::Recipient,
    targets::Targets,
    workflow::{
        definition::{
            ApprovalStep, ApprovalType, CommandStep, ContinueOn, DelayStep, HttpStep, OnHosts, Retries, Work,
        },
        split,
    },
};

impl Place<'_> {
    pub(super) fn work(&mut self) {
        match &self.draft.step.work {
            Work::Script(script) => {
                let id = ("script_id", script.script_id.is_some());
                self.named("script", id, script.script.is_some());
                self.values("parameters", &script.parameters);
                self.on_hosts(&script.on);
            }
            Work::Command(command) => self.command(command),
            Work::HttpRequest(request) => self.http(request),
            Work::Action(action) => {
                let id = ("action_id", action.action_id.is_some());
                self.named("action", id, action.action.is_some());
                self.values("parameters", &action.parameters);
                self.timeout(action.timeout_seconds, MAX_TIMEOUT_SECONDS.into());
                self.retries(action.retries);
                self.continue_on(action.continue_on);
            }
            Work::Approval(approval) => self.approval(approval),
            Work::Conditional(conditional) => match Condition::parse(&conditional.condition) {
                Err(error) => self.misread("condition", error),
                Ok(condition) => self.paths("condition", condition.paths()),
            },
            Work::Delay(delay) => self.delay(delay),
            Work::Notify(notify) => {
                if notify.to.is_empty() || notify.to.len() > MAX_APPROVERS {
                    self.error("to", format!("must name 1 to {MAX_APPROVERS} recipients"));
                }
                for (number, to) in notify.to.iter().enumerate() {
                    if let Err(error) = to.parse::<Recipient>() {
                        self.error(&format!("to/{number}"), error.to_string());
                    }
                }
                self.text("title", &notify.title);
                notify
                    .message
                    .iter()
                    .for_each(|message| self.text("message", message));
            }
            Work::Parallel(parallel) => {
                if !(2..=MAX_BRANCHES).contains(&parallel.branches.len()) {
                    self.error("branches", format!("must be 2 to {MAX_BRANCHES} branches"));
                }
                self.timeout(parallel.timeout_seconds, MAX_WAIT_SECONDS);
            }
            Work::Workflow(workflow) => {
                let id = ("workflow_id", workflow.workflow_id.is_some());
                self.named("workflow", id, workflow.workflow.is_some());
                self.values("inputs", &workflow.inputs);
                self.hosts(workflow.hosts.as_ref());
                self.timeout(workflow.timeout_seconds, MAX_WAIT_SECONDS);
                self.retries(workflow.retries);
            }
        }
    }

    /// Something saved: a field has its name, another one its id.
    fn named(&mut self, what: &str, (by_id, has_id): (&str, bool), has_name: bool) {
        if has_id || has_name {
            self.one_of((by_id, has_id), (what, has_name));
        } else {
            let message = format!("names no {what}: choose one, by its name ({what}) or its id ({by_id})");
            self.error(by_id, message);
        }
    }

    fn one_of(&mut self, (first, has_first): (&str, bool), (second, has_second): (&str, bool)) {
        match (has_first, has_second) {
            (false, false) => self.error(first, format!("is missing: give {first} or {second}")),
            (true, true) => self.error(
                second,
                format!("is one too many: give {first} or {second}, not both"),
            ),
            _ => {}
        }
    }

    fn hosts(&mut self, targets: Option<&Targets>) {
        let pointer = self.at("hosts");
        hosts(&pointer, targets, self.problems);
    }

    fn on_hosts(&mut self, on: &OnHosts) {
        self.hosts(on.hosts.as_ref());
        self.retries(on.retries);
        self.continue_on(on.continue_on);
        self.timeout(on.timeout_seconds, MAX_TIMEOUT_SECONDS.into());
        if let Some(user) = &on.run_as_user
            && user.contains("{{")
        {
            self.error("run_as_user", "is a name, and takes no placeholder");
        }
    }

    fn timeout(&mut self, seconds: Option<u32>, most: u64) {
        if seconds.is_some_and(|seconds| !(1..=most).contains(&u64::from(seconds))) {
            self.error("timeout_seconds", format!("must be 1 to {most}"));
        }
    }

    fn retries(&mut self, retries: Option<Retries>) {
        let Some(retries) = retries else { return };
        if !(1..=MAX_RETRIES).contains(&retries.count) {
            self.error("retries/count", format!("must be 1 to {MAX_RETRIES}"));
        }
        if !(1.0..=10.0).contains(&retries.factor) {
            self.error("retries/factor", "must be 1 to 10");
        }
    }

    fn continue_on(&mut self, continue_on: Option<ContinueOn>) {
        if let Some(ContinueOn::Percent(percent)) = continue_on
            && !(1..=100).contains(&percent)
        {
            self.error("continue_on/percent", "must be 1 to 100");
        }
    }

    fn command(&mut self, command: &CommandStep) {
        self.one_of(
            ("command", command.command.is_some()),
            ("argv", !command.argv.is_empty()),
        );
        for (name, value) in &command.environment {
            self.text(&format!("environment/{}", escaped(name)), value);
        }
        if let Some(folder) = &command.working_directory
            && folder.contains("{{")
        {
            self.error(
                "working_directory",
                "takes no placeholder: give it to the command as an argument",
            );
        }
        self.on_hosts(&command.on);
        if command.shell {
            let texts = command.command.iter().map(|text| ("command".to_owned(), text));
            let argv = command
                .argv
                .iter()
                .enumerate()
                .map(|(number, text)| (format!("argv/{number}"), text));
            let all: Vec<(String, &String)> = texts.chain(argv).collect();
            for (field, text) in all {
                if let Some(path) = split::placeholder(text) {
                    let message = format!(
                        "has {{{{{path}}}}} in the text for a shell, which would read the value as code. Give it to the \
                         environment, as in environment: {{\"VALUE\": \"{{{{{path}}}}}\"}}, and write \"$VALUE\" here"
                    );
                    self.error(&field, message);
                }
            }
            return;
        }
        for (number, argument) in command.argv.iter().enumerate() {
            self.text(&format!("argv/{number}"), argument);
        }
        if let Some(text) = &command.command {
            match split::arguments(text) {
                Err(error) => self.misread("command", error),
                Ok(arguments) => {
                    if arguments.is_empty() {
                        self.error("command", "is empty");
                    }
                    for argument in &arguments {
                        self.paths("command", argument.paths());
                    }
                }
            }
        }
    }

    fn http(&mut self, request: &HttpStep) {
        match split::address(&request.url) {
            Err(error) => self.misread("url", error),
            Ok(template) => self.paths("url", template.paths()),
        }
        for (name, value) in &request.headers {
            let field = format!("headers/{}", escaped(name));
            if name.eq_ignore_ascii_case("host") && split::placeholder(value).is_some() {
                let message = "takes no placeholder: who is called is written down, and no value says it";
                self.error(&field, message);
            } else {
                self.text(&field, value);
            }
        }
        if request.body.is_some() && request.json.is_some() {
            self.error("json", "is one body too many: give body or json");
        }
        if let Some(body) = &request.body
            && let Some(path) = split::placeholder(body)
        {
            if Template::parse(body).is_ok_and(|template| template.is_one_placeholder()) {
                self.text("body", body);
            } else {
                let message = format!(
                    "has {{{{{path}}}}} inside a text that somebody will parse. Give the body as json, where a value stays a \
                     value, or as one placeholder and nothing else"
                );
                self.error("body", message);
            }
        }
        if let Some(json) = &request.json {
            self.value("json", json);
        }
        self.on_hosts(&request.on);
    }

    fn approval(&mut self, approval: &ApprovalStep) {
        self.text("title", &approval.title);
        approval
            .description
            .iter()
            .for_each(|text| self.text("description", text));
        let mut members = BTreeSet::new();
        let mut roles = 0;
        for (number, approver) in approval.approvers.iter().enumerate() {
            match approver.parse::<Member>() {
                Ok(member) => {
                    roles += usize::from(matches!(member, Member::Role(_)));
                    members.insert(member.to_string());
                }
                Err(error) => self.error(&format!("approvers/{number}"), error.to_string()),
            }
        }
        if approval.approvers.is_empty() || approval.approvers.len() > MAX_APPROVERS {
            self.error(
                "approvers",
                format!("must name 1 to {MAX_APPROVERS} of role:NAME and user:ID"),
            );
        } else if approval.approval_type == ApprovalType::Singular && (members.len() != 1 || roles != 0) {
            self.error(
                "approvers",
                "of a singular approval is exactly one user: give one user:ID",
            );
        } else if approval.approval_type == ApprovalType::TwoOfMany && roles == 0 && members.len() < 2 {
            self.error("approvers", "names fewer than the two people who must agree");
        }
        let seconds = u64::from(approval.timeout_minutes) * 60;
        if !(60..=MAX_WAIT_SECONDS).contains(&seconds) {
            self.error(
                "timeout_minutes",
                format!("must be 1 to {}", MAX_WAIT_SECONDS / 60),
            );
        }
        if approval
            .reminder_minutes
            .is_some_and(|every| !(MIN_REMINDER_MINUTES..approval.timeout_minutes).contains(&every))
        {
            let message = format!(
                "must be {MIN_REMINDER_MINUTES} or more, and less than timeout_minutes, which is {}",
                approval.timeout_minutes
            );
            self.error("reminder_minutes", message);
        }
    }

    fn delay(&mut self, delay: &DelayStep) {
        if !(1..=MAX_WAIT_SECONDS).contains(&delay.total_seconds()) {
            let message = format!(
                "must wait 1 second to {} days: give seconds, minutes or hours",
                MAX_WAIT_SECONDS / 86_400
            );
            self.error("seconds", message);
        }
    }
}
