//! The runs of steps that a turn looks at and changes: read when first asked for, written together at its end.

use std::collections::{BTreeMap, BTreeSet};

use postern_domain::{InstanceId, workflow::StepResult};
use postern_store::{
    Tx,
    workflows::step_runs::{self, StepRun},
};

use crate::error::{Error, Result};

#[derive(Debug)]
pub(super) struct Runs {
    instance: InstanceId,
    known: BTreeMap<u32, StepRun>,
    changed: BTreeSet<u32>,
}

impl Runs {
    pub(super) const fn of(instance: InstanceId) -> Self {
        Self {
            instance,
            known: BTreeMap::new(),
            changed: BTreeSet::new(),
        }
    }

    pub(super) fn add(&mut self, run: StepRun) {
        self.changed.insert(run.run);
        self.known.insert(run.run, run);
    }

    pub(super) async fn find(&mut self, tx: &mut Tx<'_>, run: u32) -> Result<Option<&StepRun>> {
        if !self.known.contains_key(&run)
            && let Some(found) = step_runs::find(tx, self.instance, run).await?
        {
            self.known.insert(run, found);
        }
        Ok(self.known.get(&run))
    }

    /// One that was read already.
    pub(super) fn know(&mut self, run: StepRun) {
        self.known.entry(run.run).or_insert(run);
    }

    /// To be changed: it is written with the others.
    pub(super) async fn change(&mut self, tx: &mut Tx<'_>, run: u32) -> Result<&mut StepRun> {
        self.find(tx, run).await?;
        self.changed.insert(run);
        let gone = || Error::Internal(format!("run {run} of instance {} is gone", self.instance));
        self.known.get_mut(&run).ok_or_else(gone)
    }

    /// The newest result of each of these steps that has one.
    pub(super) async fn results(
        &self,
        tx: &mut Tx<'_>,
        steps: &[&str],
    ) -> Result<BTreeMap<String, StepResult>> {
        let stored = step_runs::results(tx, self.instance, steps).await?;
        let changed = self.changed.iter().filter_map(|run| {
            let run = &self.known[run];
            let result = run.result.as_deref().filter(|_| run.outcome.is_some())?;
            steps
                .contains(&run.step.as_str())
                .then(|| (run.run, run.step.clone(), result.to_owned()))
        });
        let mut newest: BTreeMap<String, (u32, String)> = BTreeMap::new();
        for (run, step, result) in stored.into_iter().chain(changed) {
            // What was changed is newer than what is stored of the same run.
            if newest.get(&step).is_none_or(|(known, _)| *known <= run) {
                newest.insert(step, (run, result));
            }
        }
        newest
            .into_iter()
            .map(|(step, (_, result))| Ok((step, self.read(&result)?)))
            .collect()
    }

    /// What a run has left so far.
    pub(super) fn result_of(&self, run: &StepRun) -> Result<StepResult> {
        run.result
            .as_deref()
            .map_or_else(|| Ok(StepResult::default()), |text| self.read(text))
    }

    fn read(&self, result: &str) -> Result<StepResult> {
        serde_json::from_str(result)
            .map_err(|error| Error::Internal(format!("a result of instance {}: {error}", self.instance)))
    }

    pub(super) async fn store(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        let changed = std::mem::take(&mut self.changed);
        let rows = changed.iter().map(|run| self.known[run].clone()).collect();
        Ok(step_runs::save(tx, self.instance, rows).await?)
    }
}
