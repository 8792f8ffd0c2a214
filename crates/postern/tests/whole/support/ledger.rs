//! The effects ledger: a file outside the system. It alone decides how often something ran.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Appends `ATTEMPT start`, takes its time, appends `ATTEMPT end CODE`, and exits with a code made of the job's id.
const SCRIPT: &str = r#"
code=$((POSTERN_JOB_ID % 5))
echo "$POSTERN_ATTEMPT_ID start" >> "$PARAM_LEDGER"
echo "attempt $POSTERN_ATTEMPT_ID of job $POSTERN_JOB_ID"
sleep "$PARAM_SECONDS"
echo "$POSTERN_ATTEMPT_ID end $code" >> "$PARAM_LEDGER"
exit $code
"#;

#[derive(Debug, Clone)]
pub(crate) struct Ledger(PathBuf);

/// What one attempt did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) starts: usize,
    pub(crate) codes: Vec<i32>,
}

impl Ledger {
    pub(crate) fn new(home: &Path) -> Self {
        Self(home.join("ledger"))
    }

    /// A job that takes this long and writes itself down here.
    pub(crate) fn job(&self, seconds: f32, agents: &[&str]) -> postern_api::jobs::JobCreate {
        let (ledger, seconds) = (self.0.to_str().unwrap(), format!("{seconds:.2}"));
        super::script(SCRIPT, &[("ledger", ledger), ("seconds", &seconds)], agents)
    }

    pub(crate) fn lines(&self) -> usize {
        fs::read_to_string(&self.0).unwrap_or_default().lines().count()
    }

    pub(crate) fn read(&self) -> BTreeMap<i64, Entry> {
        let mut entries: BTreeMap<i64, Entry> = BTreeMap::new();
        for line in fs::read_to_string(&self.0).unwrap_or_default().lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let entry = entries.entry(words[0].parse().unwrap()).or_default();
            match words[1..] {
                ["start"] => entry.starts += 1,
                ["end", code] => entry.codes.push(code.parse().unwrap()),
                _ => panic!("the ledger has {line:?}"),
            }
        }
        entries
    }
}
