//! What a typed job found or did, as tables. It comes from a host: all of it goes through the console, which shows
//! text as text.

mod network;
#[cfg(test)]
mod tests;

use std::time::Duration;

use postern_protocol::result::{
    GroupResult, HttpResult, JobResult, ProcessResult, ServiceResult, ServiceState, SoftwareResult,
    UserResult,
};

use crate::{
    output::{Console, Tone},
    words,
};

type Row = Vec<(String, Tone)>;

/// Fields first, then a table, then text as it came.
#[derive(Debug, Default)]
struct Shown {
    fields: Vec<(&'static str, String)>,
    head: &'static [&'static str],
    rows: Vec<Row>,
    text: Option<String>,
}

/// What a typed attempt found or did; `None` when it says nothing, or in a way that this program does not know.
pub(super) fn result_of(result: Option<&serde_json::Value>) -> Option<JobResult> {
    serde_json::from_value(result?.clone()).ok()
}

pub(super) fn print_result(result: &JobResult, console: &Console) {
    let shown = shown(result);
    console.fields(&shown.fields);
    if !shown.rows.is_empty() {
        if !shown.fields.is_empty() {
            console.say("");
        }
        console.table(shown.head, shown.rows);
    }
    if let Some(text) = shown.text.filter(|text| !text.is_empty()) {
        console.say("");
        console.say(text.trim_end_matches('\n'));
    }
}

fn shown(result: &JobResult) -> Shown {
    match result {
        JobResult::ServiceControl(result) => service(result),
        JobResult::ProcessControl(result) => processes(result),
        JobResult::NetworkDiagnostic(result) => network::shown(result),
        JobResult::SoftwareInstall(result) => software(result),
        JobResult::UserControl(result) => user(result),
        JobResult::GroupControl(result) => group(result),
        JobResult::HttpRequest(result) => http(result),
    }
}

fn plain(text: impl ToString) -> (String, Tone) {
    (text.to_string(), Tone::Plain)
}

fn maybe(value: Option<impl ToString>) -> (String, Tone) {
    plain(value.map(|value| value.to_string()).unwrap_or_default())
}

fn yes_or_no(value: Option<bool>) -> String {
    match value {
        Some(true) => "yes".to_owned(),
        Some(false) => "no".to_owned(),
        None => String::new(),
    }
}

/// Times on a network are mostly below a millisecond or a few.
fn span(time_us: Option<u64>) -> String {
    match time_us {
        Some(time_us) if time_us < 100_000 => format!("{}.{:03} ms", time_us / 1000, time_us % 1000),
        Some(time_us) => words::took(Duration::from_micros(time_us)),
        None => String::new(),
    }
}

fn more(truncated: bool) -> Option<String> {
    truncated.then(|| "there are more than are shown".to_owned())
}

fn service(result: &ServiceResult) -> Shown {
    let row = |when: &str, state: &ServiceState| {
        let tone = if state.running { Tone::Good } else { Tone::Plain };
        vec![
            plain(when),
            (state.state.clone(), tone),
            plain(yes_or_no(state.enabled)),
            maybe(state.pid),
        ]
    };
    Shown {
        fields: vec![
            ("service", result.service.clone()),
            ("manager", result.manager.clone()),
        ],
        head: &["", "STATE", "ENABLED", "PID"],
        rows: vec![row("before", &result.before), row("after", &result.after)],
        text: None,
    }
}

fn processes(result: &ProcessResult) -> Shown {
    let rows = result.processes.iter().map(|process| {
        vec![
            plain(process.pid),
            plain(process.parent),
            plain(&process.user),
            plain(format!("{} MiB", process.memory_bytes / (1024 * 1024))),
            maybe(process.signal.as_deref()),
            plain(yes_or_no(process.gone)),
            plain(&process.name),
            plain(&process.command_line),
        ]
    });
    Shown {
        head: &[
            "PID", "PARENT", "USER", "MEMORY", "SIGNAL", "GONE", "NAME", "COMMAND",
        ],
        rows: rows.collect(),
        text: more(result.truncated),
        ..Shown::default()
    }
}

fn software(result: &SoftwareResult) -> Shown {
    let rows = result.packages.iter().map(|package| {
        vec![
            plain(&package.name),
            maybe(package.before.as_deref()),
            maybe(package.after.as_deref()),
        ]
    });
    Shown {
        fields: vec![("manager", result.manager.as_str().to_owned())],
        head: &["PACKAGE", "BEFORE", "NOW"],
        rows: rows.collect(),
        text: more(result.truncated),
    }
}

fn user(result: &UserResult) -> Shown {
    Shown {
        fields: vec![
            ("user", result.user.clone()),
            ("exists", yes_or_no(Some(result.exists))),
            ("changed", yes_or_no(Some(result.changed))),
            ("id", maybe(result.uid).0),
            ("home", result.home.clone().unwrap_or_default()),
            ("shell", result.shell.clone().unwrap_or_default()),
            ("groups", result.groups.join(", ")),
            ("can sign in", yes_or_no(result.enabled)),
        ],
        ..Shown::default()
    }
}

fn group(result: &GroupResult) -> Shown {
    Shown {
        fields: vec![
            ("group", result.group.clone()),
            ("exists", yes_or_no(Some(result.exists))),
            ("changed", yes_or_no(Some(result.changed))),
            ("id", maybe(result.gid).0),
            ("members", result.members.join(", ")),
        ],
        ..Shown::default()
    }
}

fn http(result: &HttpResult) -> Shown {
    let checked = match result.certificate_checked {
        Some(true) => "checked",
        Some(false) => "not checked",
        None => "",
    };
    let size = if result.truncated {
        format!("{} bytes, cut", result.body_bytes)
    } else {
        format!("{} bytes", result.body_bytes)
    };
    let rows = result
        .headers
        .iter()
        .map(|header| vec![plain(&header.name), plain(&header.value)]);
    Shown {
        fields: vec![
            ("asked", format!("{} {}", result.method, result.url)),
            ("redirected from", result.redirects.join(", ")),
            ("status", maybe(result.status).0),
            ("time", span(Some(result.time_us))),
            ("certificate", checked.to_owned()),
            ("answer", size),
        ],
        head: &["HEADER", "VALUE"],
        rows: rows.collect(),
        text: Some(result.body.clone()),
    }
}
