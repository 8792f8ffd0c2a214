//! A definition in YAML: what can be read has one normal form, and is checked without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_domain::workflow::{Plan, offered, read};
use serde_json::Value;

fuzz_target!(|text: &str| {
    let Ok(value) = serde_saphyr::from_str::<Value>(text) else {
        return;
    };
    let Ok(definition) = read(value) else { return };
    let written = serde_json::to_value(&definition).expect("a definition is JSON");
    assert_eq!(read(written).expect("the normal form can be read"), definition);
    let paths = offered(&definition);
    if let Ok((plan, _)) = Plan::new(definition) {
        assert_eq!(paths.len(), plan.nodes.len(), "each step has its variables");
    }
});
