//! Which of our crates may use which. The table is the map in ARCHITECTURE.md; an edge outside of it needs a decision
//! first and a line here second.

use anyhow::{Context as _, Result};
use toml::{Table, Value};

use super::{Finding, Tree};

const ALLOWED: [(&str, &[&str]); 11] = [
    ("postern-domain", &[]),
    ("postern-protocol", &[]),
    ("postern-api", &["postern-domain", "postern-protocol"]),
    ("postern-store", &["postern-domain"]),
    (
        "postern-server",
        &[
            "postern-api",
            "postern-domain",
            "postern-protocol",
            "postern-store",
        ],
    ),
    ("postern-agent", &["postern-protocol"]),
    (
        "postern-client",
        &["postern-api", "postern-domain", "postern-protocol"],
    ),
    (
        "postern",
        &[
            "postern-api",
            "postern-client",
            "postern-domain",
            "postern-protocol",
            "postern-server",
        ],
    ),
    (
        "postern-swarm",
        &["postern-api", "postern-client", "postern-protocol"],
    ),
    ("xtask", &[]),
    ("postern-fuzz", &["postern-domain"]),
];

/// Test equipment: may use everything, and everything may use it in tests.
const TESTKIT: &str = "postern-testkit";

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut manifests = Vec::new();
    for (path, text) in tree.texts(&["Cargo.toml"]) {
        let table: Table = text.parse().with_context(|| format!("cannot read {path}"))?;
        if let Some(name) = table
            .get("package")
            .and_then(|package| package.get("name"))
            .and_then(Value::as_str)
        {
            manifests.push((path, name.to_owned(), table.clone(), text));
        }
    }
    let ours: Vec<&str> = manifests.iter().map(|(_, name, ..)| name.as_str()).collect();
    let mut findings = Vec::new();
    for (path, name, table, text) in &manifests {
        let allowed = ALLOWED.iter().find(|(from, _)| from == name).map(|(_, to)| *to);
        if allowed.is_none() && name != TESTKIT {
            let message = format!("no rule says what {name} may use: add it to xtask/src/tidy/edges.rs");
            findings.push(Finding::new(path, 1, message));
        }
        for edge in edges(table) {
            let known = ours.contains(&edge.to.as_str());
            let testing = edge.kind == Kind::Development && edge.to == TESTKIT;
            let permitted = allowed.is_none_or(|to| to.contains(&edge.to.as_str()));
            if known && !testing && !permitted {
                let message = format!("{name} must not use {}", edge.to);
                findings.push(Finding::new(path, line_of(text, &edge.key), message));
            }
        }
    }
    Ok(findings)
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Build,
    Development,
}

#[derive(Debug)]
struct Edge {
    to: String,
    key: String,
    kind: Kind,
}

/// Every dependency of a manifest, those for one platform and those of a build script included.
fn edges(manifest: &Table) -> Vec<Edge> {
    let platforms = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flatten();
    let tables = platforms.filter_map(|(_, value)| value.as_table());
    let mut found = Vec::new();
    for table in std::iter::once(manifest).chain(tables) {
        for (section, kind) in [
            ("dependencies", Kind::Build),
            ("build-dependencies", Kind::Build),
            ("dev-dependencies", Kind::Development),
        ] {
            for (key, value) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
                let renamed = value.get("package").and_then(Value::as_str);
                let to = renamed.unwrap_or(key).to_owned();
                let kind = if kind == Kind::Development {
                    Kind::Development
                } else {
                    Kind::Build
                };
                found.push(Edge {
                    to,
                    key: key.clone(),
                    kind,
                });
            }
        }
    }
    found
}

fn line_of(text: &str, key: &str) -> usize {
    let starts = |line: &str| {
        line.trim_start()
            .strip_prefix(key)
            .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
            || line.contains(&format!("dependencies.{key}]"))
    };
    text.lines().position(starts).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::super::testing::expect;
    use super::check;

    const STORE: (&str, &str) = ("crates/store/Cargo.toml", "[package]\nname = \"postern-store\"\n");
    const DOMAIN: (&str, &str) = (
        "crates/domain/Cargo.toml",
        "[package]\nname = \"postern-domain\"\n",
    );
    const TESTKIT: (&str, &str) = (
        "crates/testkit/Cargo.toml",
        "[package]\nname = \"postern-testkit\"\n[dependencies]\npostern-store.workspace = true\n",
    );

    #[test]
    fn an_edge_on_the_map_passes() {
        let server = "[package]\nname = \"postern-server\"\n[dependencies]\npostern-store.workspace = true\n\
                      serde.workspace = true\n[dev-dependencies]\npostern-testkit.workspace = true\n";
        expect(
            check,
            &[STORE, DOMAIN, TESTKIT, ("crates/server/Cargo.toml", server)],
            &[],
        );
    }

    #[test]
    fn an_edge_off_the_map_fails_in_every_section() {
        for section in [
            "dependencies",
            "build-dependencies",
            "dev-dependencies",
            "target.'cfg(unix)'.dependencies",
        ] {
            let agent =
                format!("[package]\nname = \"postern-agent\"\n[{section}]\npostern-store.workspace = true\n");
            expect(
                check,
                &[STORE, ("crates/agent/Cargo.toml", &agent)],
                &["crates/agent/Cargo.toml:4: postern-agent must not use postern-store"],
            );
        }
    }

    #[test]
    fn a_renamed_dependency_is_still_an_edge() {
        let domain = "[package]\nname = \"postern-domain\"\n[dependencies]\n\
                      rows = { package = \"postern-store\", path = \"../store\" }\n";
        expect(
            check,
            &[STORE, ("crates/domain/Cargo.toml", domain)],
            &["crates/domain/Cargo.toml:4: postern-domain must not use postern-store"],
        );
    }

    #[test]
    fn testkit_is_for_tests_only() {
        let server =
            "[package]\nname = \"postern-server\"\n[dependencies.postern-testkit]\nworkspace = true\n";
        expect(
            check,
            &[STORE, TESTKIT, ("crates/server/Cargo.toml", server)],
            &["crates/server/Cargo.toml:3: postern-server must not use postern-testkit"],
        );
    }

    #[test]
    fn a_crate_without_a_rule_fails() {
        expect(
            check,
            &[("crates/extra/Cargo.toml", "[package]\nname = \"postern-extra\"\n")],
            &[
                "crates/extra/Cargo.toml:1: no rule says what postern-extra may use: \
               add it to xtask/src/tidy/edges.rs",
            ],
        );
    }
}
