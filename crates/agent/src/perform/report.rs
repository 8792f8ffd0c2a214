//! `report.json`: what a performing process leaves for its shim, with secrets masked and within the protocol's bound.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use postern_protocol::{
    limits::{REASON_BYTES, RESULT_BYTES},
    messages::ResultRequest,
    result::{JobResult, NetworkResult},
};
use serde::{Deserialize, Serialize};

use crate::{durable, mask::Masks};

const REPORT: &str = "report.json";
/// The result, the reason and what holds them together.
const REPORT_BYTES: usize = RESULT_BYTES + 8 * REASON_BYTES;

#[derive(Serialize, Deserialize)]
struct Report {
    result: Option<serde_json::Value>,
    failure: Option<String>,
}

pub(super) fn write(
    dir: &Path,
    masks: &Masks,
    result: Option<JobResult>,
    failure: Option<String>,
) -> io::Result<()> {
    let report = Report {
        result: result.and_then(|result| bounded(result, masks)),
        failure: failure.map(|failure| reason(&failure, masks)),
    };
    durable::write_visible(&dir.join(REPORT), &serde_json::to_vec(&report)?).map(|_| ())
}

/// Adds the report to the end. Missing or damaged it costs only itself.
pub(crate) fn add(dir: &Path, masks: &Masks, end: ResultRequest) -> ResultRequest {
    let Some(report) = read(dir) else { return end };
    ResultRequest {
        result: report
            .result
            .and_then(|result| serde_json::from_value(result).ok())
            .filter(|result| length(result) <= RESULT_BYTES),
        failure: report.failure.map(|failure| reason(&failure, masks)),
        ..end
    }
}

fn read(dir: &Path) -> Option<Report> {
    let mut text = Vec::new();
    let file = File::open(dir.join(REPORT)).ok()?;
    file.take(REPORT_BYTES as u64 + 1).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn reason(text: &str, masks: &Masks) -> String {
    cut(&masks.text(text), REASON_BYTES).to_owned()
}

/// At most so many bytes, whole characters.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// Masked, and shortened until it fits. `None` for what cannot be shortened.
fn bounded(mut result: JobResult, masks: &Masks) -> Option<serde_json::Value> {
    loop {
        let mut value = serde_json::to_value(&result).ok()?;
        masks.json(&mut value);
        let length = length(&value);
        if length <= RESULT_BYTES {
            return Some(value);
        }
        if !shorten(&mut result, length) {
            return None;
        }
    }
}

fn length(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |text| text.len())
}

/// Cuts the list or text that may be cut, in proportion. Whether there was anything to cut.
fn shorten(result: &mut JobResult, length: usize) -> bool {
    // A little more than needed, as entries differ in length.
    let keep = |entries: usize| (entries * RESULT_BYTES / length).saturating_sub(entries / 16 + 1);
    let (before, truncated) = match result {
        JobResult::ProcessControl(result) => {
            let before = result.processes.len();
            result.processes.truncate(keep(before));
            (before, &mut result.truncated)
        }
        JobResult::SoftwareInstall(result) => {
            let before = result.packages.len();
            result.packages.truncate(keep(before));
            (before, &mut result.truncated)
        }
        JobResult::NetworkDiagnostic(NetworkResult::Netstat(result)) => {
            let before = result.sockets.len();
            result.sockets.truncate(keep(before));
            (before, &mut result.truncated)
        }
        JobResult::HttpRequest(result) => {
            let before = result.body.len();
            let kept = cut(&result.body, keep(before)).len();
            result.body.truncate(kept);
            (before, &mut result.truncated)
        }
        JobResult::ServiceControl(_)
        | JobResult::UserControl(_)
        | JobResult::GroupControl(_)
        | JobResult::NetworkDiagnostic(_) => return false,
    };
    *truncated = true;
    before > 0
}

#[cfg(test)]
mod tests {
    use postern_protocol::{
        messages::Outcome,
        payload::PackageManager,
        result::{PackageChange, SoftwareResult},
    };
    use zeroize::Zeroizing;

    use super::*;
    use crate::journal::ended;

    fn packages(count: usize) -> JobResult {
        JobResult::SoftwareInstall(SoftwareResult {
            manager: PackageManager::Apt,
            packages: (0..count)
                .map(|index| PackageChange {
                    name: format!("package-{index}"),
                    before: None,
                    after: Some("1.0".into()),
                })
                .collect(),
            truncated: false,
        })
    }

    fn told(dir: &Path) -> ResultRequest {
        add(
            dir,
            &Masks::none(),
            ended(Outcome::Exited { code: 1 }, Some(1), 2),
        )
    }

    #[test]
    fn a_report_reaches_the_end() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(told(dir.path()).result, None);
        write(dir.path(), &Masks::none(), Some(packages(2)), Some("why".into())).unwrap();
        let end = told(dir.path());
        assert_eq!(end.result, Some(packages(2)));
        assert_eq!(end.failure.as_deref(), Some("why"));
    }

    #[test]
    fn a_damaged_report_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "{", "[]", r#"{"result":{"type":"reboot"},"failure":null}"#] {
            std::fs::write(dir.path().join(REPORT), text).unwrap();
            let end = told(dir.path());
            assert_eq!(
                (end.outcome, end.result),
                (Outcome::Exited { code: 1 }, None),
                "{text}"
            );
        }
    }

    #[test]
    fn a_list_is_cut_until_it_fits() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &Masks::none(), Some(packages(50_000)), None).unwrap();
        let Some(JobResult::SoftwareInstall(result)) = told(dir.path()).result else {
            panic!("a result");
        };
        assert!(result.truncated && result.packages.len() > 5_000);
        assert_eq!(result.packages[0].name, "package-0");
    }

    #[test]
    fn secrets_and_long_reasons_do_not_reach_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = [("p".to_owned(), Zeroizing::new("package-1".to_owned()))].into();
        let masks = Masks::new(&secrets).unwrap();
        let failure = format!("package-1 {}", "ä".repeat(REASON_BYTES));
        write(dir.path(), &masks, Some(packages(2)), Some(failure)).unwrap();
        let text = std::fs::read_to_string(dir.path().join(REPORT)).unwrap();
        assert!(!text.contains("package-1") && text.contains("***"), "{text}");
        assert!(told(dir.path()).failure.unwrap().len() <= REASON_BYTES);
    }
}
