//! Nothing in the repository depends on, or tells of, one person's machine: no home folder, no address of the place
//! packages were downloaded from.

use anyhow::Result;

use super::{Finding, Tree};

/// Written in parts so that this file does not find itself.
const FOLDERS: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("C:\\Us", "ers\\"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
];
/// People that examples may speak of.
const EXAMPLES: [&str; 4] = ["alice", "bob", "user", "postern"];
/// Words in the host of an address that serves packages.
const SERVES_PACKAGES: [&str; 8] = [
    "registry",
    "mirror",
    "artifactory",
    "nexus",
    "pypi",
    "pythonhosted",
    "npmjs",
    "crates",
];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(&[""]) {
        for (index, line) in text.lines().enumerate() {
            if let Some(folder) = FOLDERS.into_iter().find(|folder| names_folder(line, folder)) {
                findings.push(Finding::new(
                    path,
                    index + 1,
                    format!("a path below {folder} exists on one machine only"),
                ));
            }
            if let Some(host) = hosts(line).find(|host| serves_packages(host)) {
                let message =
                    format!("{host} serves packages: leave the address to each machine's own settings");
                findings.push(Finding::new(path, index + 1, message));
            }
        }
    }
    Ok(findings)
}

fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + folder.len()..]);
        let starts_here = !before.ends_with(|c: char| c.is_alphanumeric() || "_-.}>)~*]".contains(c));
        let name_end = after
            .find(|c: char| !(c.is_alphanumeric() || "_-.".contains(c)))
            .unwrap_or(after.len());
        let name = &after[..name_end];
        starts_here && !name.is_empty() && !EXAMPLES.contains(&name)
    })
}

fn hosts(line: &str) -> impl Iterator<Item = &str> {
    let addresses = line.split("://").skip(1);
    addresses.map(|rest| {
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || "-.@:_".contains(c)))
            .unwrap_or(rest.len());
        let authority = &rest[..end];
        authority.rsplit_once('@').map_or(authority, |(_, host)| host)
    })
}

fn serves_packages(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or(host);
    name.split(['.', '-'])
        .any(|label| SERVES_PACKAGES.contains(&label))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sample, expect};
    use super::{FOLDERS, check};

    #[test]
    fn every_folder_of_one_machine_is_found() {
        for folder in FOLDERS {
            let found =
                Sample::new(&[("docs/a.md", &format!("fine\nsee {folder}carol/x\n"))]).findings(check);
            assert!(
                matches!(&found[..], [one] if one.starts_with("docs/a.md:2: a path below")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn examples_and_paths_that_only_end_alike_pass() {
        let home = FOLDERS[0];
        expect(
            check,
            &[(
                "a.md",
                &format!("{home}alice/x, web{home}carol, \"{home}\", $DIR{home}"),
            )],
            &[],
        );
        expect(
            check,
            &[(
                "a.md",
                "https://example.org/registry/x and https://github.com/rust-lang/crates.io-index",
            )],
            &[],
        );
    }

    #[test]
    fn addresses_that_serve_packages_are_found() {
        for host in [
            "registry.example.org",
            "user:word@npm-mirror.lan:8080",
            "static.crates.io",
        ] {
            let scheme = "https";
            let text = format!("\n\"resolved\": \"{scheme}://{host}/a.tgz\"");
            let found = Sample::new(&[("web/package-lock.json", &text)]).findings(check);
            assert!(
                matches!(&found[..], [one] if one.contains("lock.json:2:") && one.contains("serves packages")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn what_is_not_text_is_left_alone() {
        let home = FOLDERS[0];
        let sample = Sample::new(&[("a.md", "")]);
        std::fs::write(
            sample.path("a.png"),
            [b"\xff\xfe", format!(" {home}carol").as_bytes()].concat(),
        )
        .expect("a file");
        assert!(sample.findings(check).is_empty());
    }
}
