//! A text with placeholders: its values stand in it as they are, and are not parsed again.
#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use postern_domain::expression::{Path, Template, Variables};
use serde_json::Value;

/// Every path leads to this text.
struct Always(Value);

impl Variables for Always {
    fn value(&self, _: &Path) -> Option<Cow<'_, Value>> {
        Some(Cow::Borrowed(&self.0))
    }
}

fuzz_target!(|text: &str| {
    match Template::parse(text) {
        Ok(template) => {
            let placeholders = template.paths().count();
            let hostile = "{{inputs.other}}$(id)\u{202e}";
            if let Ok(filled) = template.text(&Always(Value::from(hostile))) {
                assert!(filled.matches(hostile).count() >= placeholders, "{filled:?}");
            }
        }
        Err(error) => assert!(error.span.end <= text.len(), "{error:?}"),
    }
    if let Ok(path) = Path::parse(text) {
        let written = path.to_string();
        assert_eq!(
            Path::parse(&written).expect("as it is written"),
            path,
            "{written:?}"
        );
    }
});
