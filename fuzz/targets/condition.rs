//! A condition: parsed or refused with a place inside the text, and evaluated without a panic.
#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use postern_domain::expression::{Condition, Path, Variables};
use serde_json::{Value, json};

/// Every path leads to a value, of a kind that depends on its length.
struct Anything([Value; 6]);

impl Variables for Anything {
    fn value(&self, path: &Path) -> Option<Cow<'_, Value>> {
        Some(Cow::Borrowed(&self.0[path.to_string().len() % self.0.len()]))
    }
}

fuzz_target!(|text: &str| {
    match Condition::parse(text) {
        Ok(condition) => {
            for (_, span) in condition.paths() {
                assert!(text.get(span).is_some(), "a path has its place");
            }
            let values = [
                json!(1),
                json!("a"),
                json!(true),
                json!(null),
                json!([1, "a"]),
                json!({"b": 2.5}),
            ];
            let _ = condition.evaluate(&Anything(values));
        }
        Err(error) => assert!(error.span.end <= text.len(), "{error:?}"),
    }
});
