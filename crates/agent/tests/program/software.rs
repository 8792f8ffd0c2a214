//! Packages for real, through apt. Changes what is installed on the machine, so it runs where it is told to only.

use std::process::Command;

use postern_protocol::{
    messages::{Outcome, ResultRequest},
    payload::{JobPayload, Package, PackageManager, SoftwareAction, SoftwareInstall},
    result::{JobResult, PackageChange},
};

use crate::support::{self, Attempt, may_destroy};

/// Small, and needed by nothing.
const PACKAGE: &str = "hello";

fn run(action: SoftwareAction, packages: &[(&str, Option<&str>)]) -> ResultRequest {
    let work = SoftwareInstall {
        action,
        packages: packages
            .iter()
            .map(|(name, version)| Package {
                name: (*name).to_owned(),
                version: version.map(str::to_owned),
            })
            .collect(),
        manager: None,
        refresh: false,
    };
    Attempt::new(JobPayload::SoftwareInstall(work), 300).run()
}

fn packages(result: &ResultRequest) -> &[PackageChange] {
    match &result.result {
        Some(JobResult::SoftwareInstall(result)) => {
            assert_eq!(result.manager, PackageManager::Apt);
            &result.packages
        }
        other => panic!("no packages: {other:?} {:?}", result.failure),
    }
}

fn failure(result: &ResultRequest) -> &str {
    assert_eq!(result.outcome, Outcome::Exited { code: 1 });
    result.failure.as_deref().unwrap()
}

fn has_apt() -> bool {
    std::path::Path::new("/usr/bin/apt-get").exists()
}

struct Removed;

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = Command::new("apt-get")
            .args(["--assume-yes", "--quiet", "purge", PACKAGE])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .output();
    }
}

#[test]
fn a_package_comes_stays_at_its_version_and_goes() {
    if support::skipped(
        may_destroy() && has_apt(),
        "installs a package; root, apt and POSTERN_TEST_DESTRUCTIVE=1 are needed",
    ) {
        return;
    }
    let _removed = Removed;
    drop(Removed);
    let result = run(SoftwareAction::Install, &[(PACKAGE, None)]);
    assert_eq!(
        result.outcome,
        Outcome::Exited { code: 0 },
        "{:?}",
        result.failure
    );
    let [change] = packages(&result) else {
        panic!("one package: {:?}", packages(&result))
    };
    let version = change.after.clone().unwrap();
    assert_eq!((change.name.as_str(), &change.before), (PACKAGE, &None));

    let result = run(SoftwareAction::Install, &[(PACKAGE, Some(&version))]);
    assert_eq!(packages(&result), [], "it is there already");
    let result = run(SoftwareAction::Install, &[(PACKAGE, Some("0.0-none"))]);
    assert!(failure(&result).contains("0.0-none"), "{}", failure(&result));
    let result = run(SoftwareAction::Upgrade, &[(PACKAGE, None)]);
    assert_eq!(result.outcome, Outcome::Exited { code: 0 });

    let result = run(SoftwareAction::Remove, &[(PACKAGE, None)]);
    assert_eq!(
        packages(&result),
        [PackageChange {
            name: PACKAGE.into(),
            before: Some(version),
            after: None
        }]
    );
    let result = run(SoftwareAction::Remove, &[(PACKAGE, None)]);
    assert_eq!(packages(&result), [], "it is gone already");
}

#[test]
fn what_apt_would_read_into_a_name_is_not_done() {
    // Were it wrong, it would change the machine.
    if support::skipped(
        may_destroy() && has_apt(),
        "asks for packages; root, apt and POSTERN_TEST_DESTRUCTIVE=1 are needed",
    ) {
        return;
    }
    // "Remove bash", and "install bash": both would be done by apt-get for the asking.
    for name in [
        "bash-",
        "bash+",
        "no-such-package",
        "ba.h",
        "mail-transport-agent",
    ] {
        let result = run(SoftwareAction::Install, &[(name, None)]);
        let expected = format!("package '{name}' was not found by apt");
        assert!(failure(&result).contains(&expected), "{}", failure(&result));
    }
}

#[test]
fn what_is_installed_is_listed() {
    if support::skipped(has_apt(), "this host has no apt") {
        return;
    }
    let all = run(SoftwareAction::List, &[]);
    assert!(packages(&all).iter().any(|package| package.name == "dpkg"));
    let one = run(SoftwareAction::List, &[("dpkg", None)]);
    let [package] = packages(&one) else { panic!("one") };
    assert!(package.after.is_some() && package.before == package.after);
    let none = run(SoftwareAction::List, &[("no-such-package", None)]);
    assert!(failure(&none).contains("package 'no-such-package' is not installed"));
}
