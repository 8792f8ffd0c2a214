//! The OpenAPI document: what is checked in is what this build says, and it says enough.

use std::collections::HashSet;

use serde_json::Value;

pub(crate) fn document() -> Value {
    serde_json::from_str(&postern_server::openapi_json().unwrap()).unwrap()
}

/// Method, path and description of every operation.
pub(crate) fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let of_path = |(path, item): (&String, &Value)| {
        let methods = item.as_object().expect("an item").clone().into_iter();
        let path = path.clone();
        methods
            .map(move |(method, operation)| (method, path.clone(), operation))
            .collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn the_document_checked_in_is_the_one_of_this_build() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/postern.json");
    let kept = std::fs::read_to_string(path).unwrap();
    let built = postern_server::openapi_json().unwrap();
    let differs = kept
        .lines()
        .zip(built.lines())
        .position(|(kept, built)| kept != built);
    assert!(
        kept == built,
        "openapi/postern.json differs from line {:?}: run `cargo xtask gen`",
        differs.map(|n| n + 1)
    );
}

#[test]
fn every_operation_has_a_name_a_permission_and_a_way_to_fail() {
    let document = document();
    assert_eq!(
        document["openapi"]
            .as_str()
            .unwrap()
            .split('.')
            .take(2)
            .collect::<Vec<_>>(),
        ["3", "1"]
    );
    let mut names = HashSet::new();
    for (method, path, operation) in operations(&document) {
        let name = operation["operationId"]
            .as_str()
            .unwrap_or_else(|| panic!("{method} {path} has no name"));
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        assert!(path.starts_with("/api/v1/"), "{path}");
        let needed = operation["x-permission"]
            .as_str()
            .unwrap_or_else(|| panic!("{name} has no x-permission"));
        let known = ["public", "signed_in"].contains(&needed)
            || needed.parse::<postern_domain::permission::Permission>().is_ok();
        assert!(known, "{name} needs {needed:?}");
        let problem =
            &operation["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(problem, "#/components/schemas/Problem", "{name}");
        let good = operation["responses"]
            .as_object()
            .unwrap()
            .keys()
            .any(|status| status.starts_with('2'));
        assert!(good, "{name} never succeeds");
        let in_path = path.matches('{').count();
        let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        let described = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .count();
        assert_eq!(described, in_path, "{name}: parameters of the path");
        if let Some(body) = operation.get("requestBody") {
            assert!(
                body["content"]["application/json"]["schema"].is_object(),
                "{name}"
            );
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut HashSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(target)) = map.get("$ref") {
                    found.insert(target.clone());
                }
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = HashSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for target in found {
        let pointer = target.strip_prefix('#').expect("inside the document");
        assert!(document.pointer(pointer).is_some(), "{target}");
    }
}
