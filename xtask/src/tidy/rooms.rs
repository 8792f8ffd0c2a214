//! A room has one name in every layer, and a page that says what it is for.

use anyhow::Result;

use super::{Finding, Tree};

const ROOMS: [&str; 13] = [
    "identity",
    "agents",
    "jobs",
    "scripts",
    "schedules",
    "workflows",
    "approvals",
    "vault",
    "certificates",
    "protection",
    "audit",
    "notify",
    "system",
];

/// Folders whose folders are rooms.
const LAYERS: [&str; 3] = [
    "crates/server/src/rooms/",
    "crates/store/src/rooms/",
    "web/src/rooms/",
];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for layer in LAYERS {
        for child in tree
            .children(layer)
            .into_iter()
            .filter(|child| *child != "mod.rs")
        {
            let room = child.split('.').next().unwrap_or(child);
            if !ROOMS.contains(&room) {
                findings.push(Finding::new(
                    &format!("{layer}{child}"),
                    1,
                    format!("`{room}` is not a room"),
                ));
            } else if !tree.exists(&format!("docs/rooms/{room}.md")) {
                let message = format!("the room has no page: write docs/rooms/{room}.md");
                findings.push(Finding::new(&format!("{layer}{child}"), 1, message));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::super::testing::expect;
    use super::check;

    #[test]
    fn a_room_with_a_page_passes() {
        let files = [
            ("crates/server/src/rooms/jobs/mod.rs", ""),
            ("crates/server/src/rooms/jobs/routes.rs", ""),
            ("crates/server/src/rooms/mod.rs", ""),
            ("web/src/rooms/jobs/page.tsx", ""),
            ("docs/rooms/jobs.md", ""),
        ];
        expect(check, &files, &[]);
    }

    #[test]
    fn a_room_without_a_page_and_a_folder_that_is_no_room_fail() {
        let files = [
            ("crates/server/src/rooms/jobs/mod.rs", ""),
            ("web/src/rooms/helpers/a.ts", ""),
        ];
        expect(
            check,
            &files,
            &[
                "crates/server/src/rooms/jobs:1: the room has no page: write docs/rooms/jobs.md",
                "web/src/rooms/helpers:1: `helpers` is not a room",
            ],
        );
    }
}
