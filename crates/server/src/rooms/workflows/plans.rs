//! Definitions as checked graphs, kept by their digests: an instance asks for its plan at every event.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use postern_domain::workflow::{Definition, Plan, Problems};

use crate::error::{Error, Result};

/// Plans kept; beyond it all are forgotten and made again.
const KEPT: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Plans {
    known: Mutex<HashMap<String, Arc<Plan>>>,
}

impl Plans {
    /// The plan of a definition that was checked when it was saved.
    pub(crate) fn of(&self, digest: &str, definition: &str) -> Result<Arc<Plan>> {
        let known = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(digest)
            .cloned();
        if let Some(plan) = known {
            return Ok(plan);
        }
        let definition: Definition = serde_json::from_str(definition)
            .map_err(|error| Error::Internal(format!("a workflow in the database: {error}")))?;
        let plan = Plan::kept(definition).map_err(|problems| {
            Error::Internal(format!("a workflow in the database: {}", told(&problems)))
        })?;
        let plan = Arc::new(plan);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(digest.to_owned(), plan.clone());
        drop(known);
        Ok(plan)
    }
}

fn told(problems: &Problems) -> String {
    let each = problems
        .0
        .iter()
        .map(|problem| format!("{}: {}", problem.pointer, problem.message));
    each.collect::<Vec<_>>().join("; ")
}
