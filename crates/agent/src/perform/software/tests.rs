//! Managers that cannot exist on the machines of the test run are FAKE programs here: they note how they were called.
//! The real apt is used in `crates/agent/tests/program/software.rs`.

use std::{fs, path::Path};

use super::*;
use crate::perform::tool::fake;

fn work(kind: PackageManager, action: SoftwareAction, packages: &[(&str, Option<&str>)]) -> SoftwareInstall {
    SoftwareInstall {
        action,
        packages: packages
            .iter()
            .map(|(name, version)| Package {
                name: (*name).to_owned(),
                version: version.map(str::to_owned),
            })
            .collect(),
        manager: Some(kind),
        refresh: false,
    }
}

/// What changed, and the calls that changed something.
fn run(folder: &Path, work: &SoftwareInstall) -> (Result<Vec<PackageChange>, String>, Vec<String>) {
    let result = match install(work, &Host::with_fakes(folder)) {
        Ok(JobResult::SoftwareInstall(result)) => Ok(result.packages),
        Ok(_) => panic!("another type's result"),
        Err(failed) => Err(failed.reason),
    };
    let calls = fs::read_to_string(folder.join("calls")).unwrap_or_default();
    let asks = [
        "rpm ",
        "search",
        "repoquery",
        "list",
        "info",
        "show",
        "--print-architecture",
    ];
    let acts = calls
        .lines()
        .filter(|line| !asks.iter().any(|ask| line.contains(ask)))
        .map(str::to_owned)
        .collect();
    (result, acts)
}

fn installed(name: &str, version: &str) -> Vec<PackageChange> {
    vec![PackageChange {
        name: name.into(),
        before: None,
        after: Some(version.into()),
    }]
}

/// The state is the file `state`, in the manager's own form.
#[test]
fn fake_dnf_is_called_without_questions_and_its_change_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    fs::write(&state, "bash\t5-1\n").unwrap();
    fake(folder.path(), "rpm", &format!("cat {}", state.display()));
    fake(
        folder.path(),
        "dnf",
        &format!(
            "case \"$*\" in *repoquery*nginx) echo nginx;; *install*) printf 'nginx\\t1.2-3\\n' >> {};; esac",
            state.display()
        ),
    );
    let (changes, acts) = run(
        folder.path(),
        &work(
            PackageManager::Dnf,
            SoftwareAction::Install,
            &[("nginx", Some("1.2-3"))],
        ),
    );
    assert_eq!(changes, Ok(installed("nginx", "1.2-3")));
    assert_eq!(acts, ["dnf --assumeyes install nginx-1.2-3"]);
    let (changes, _) = run(
        folder.path(),
        &work(PackageManager::Dnf, SoftwareAction::Install, &[("ngnix", None)]),
    );
    assert!(
        changes
            .unwrap_err()
            .contains("package 'ngnix' was not found by dnf")
    );
}

#[test]
fn fake_zypper_and_fake_apk_are_called_without_questions() {
    let folder = tempfile::tempdir().unwrap();
    fake(folder.path(), "rpm", "printf 'bash\\t5-1\\n'");
    fake(folder.path(), "zypper", "exit 102");
    fake(
        folder.path(),
        "apk",
        "case \"$*\" in *search*) echo nginx;; *info*) echo bash-5.2-r1;; esac",
    );
    let upgrade = |kind| work(kind, SoftwareAction::Upgrade, &[]);
    let (changes, acts) = run(folder.path(), &upgrade(PackageManager::Zypper));
    assert_eq!(changes, Ok(vec![]), "102 asks for a restart only");
    assert_eq!(
        acts,
        ["zypper --non-interactive update --auto-agree-with-licenses"]
    );
    fs::remove_file(folder.path().join("calls")).unwrap();
    let (changes, acts) = run(
        folder.path(),
        &work(
            PackageManager::Apk,
            SoftwareAction::Install,
            &[("nginx", Some("1.26-r0"))],
        ),
    );
    assert_eq!(changes, Ok(vec![]));
    assert_eq!(acts, ["apk --wait 120 add nginx=1.26-r0"]);
}

#[test]
fn fake_winget_and_fake_choco_are_called_once_for_each_package() {
    let folder = tempfile::tempdir().unwrap();
    fake(
        folder.path(),
        "winget",
        "case \"$*\" in list*) echo 'Name Id Version'; echo 'Git Git 1';; esac",
    );
    fake(
        folder.path(),
        "choco",
        "case \"$*\" in search*) echo \"$2|1.0\";; list*) echo 'git|1.0';; esac",
    );
    let (_, acts) = run(
        folder.path(),
        &work(
            PackageManager::Winget,
            SoftwareAction::Install,
            &[("Git.Git", Some("2.1")), ("Some.Text", None)],
        ),
    );
    let quiet = "--silent --accept-source-agreements --disable-interactivity --accept-package-agreements";
    assert_eq!(
        acts,
        [
            format!("winget install --exact --id Git.Git --version 2.1 {quiet}"),
            format!("winget install --exact --id Some.Text {quiet}"),
        ]
    );
    fs::remove_file(folder.path().join("calls")).unwrap();
    let (_, acts) = run(
        folder.path(),
        &work(
            PackageManager::Choco,
            SoftwareAction::Remove,
            &[("git", None), ("absent", None)],
        ),
    );
    assert_eq!(acts, ["choco uninstall git --yes --no-progress"]);
}

/// A host of amd64 with the same package of two architectures, on which apt removes the one of its own.
fn fake_apt(folder: &Path) {
    let state = folder.join("state");
    fs::write(&state, "ii \tlibc6\tamd64\t2.36\nii \tlibc6\ti386\t2.31\n").unwrap();
    let state = state.display();
    fake(folder, "dpkg", "echo amd64");
    fake(folder, "dpkg-query", &format!("cat {state}"));
    fake(folder, "apt-get", &format!("sed -i /amd64/d {state}"));
}

#[test]
fn fake_apt_removes_what_is_named_with_the_hosts_own_architecture() {
    let folder = tempfile::tempdir().unwrap();
    fake_apt(folder.path());
    let (changes, acts) = run(
        folder.path(),
        &work(
            PackageManager::Apt,
            SoftwareAction::Remove,
            &[("libc6:amd64", None)],
        ),
    );
    let gone = PackageChange {
        name: "libc6".into(),
        before: Some("2.36".into()),
        after: None,
    };
    assert_eq!(changes, Ok(vec![gone]));
    let [act] = &*acts else { panic!("{acts:?}") };
    assert!(act.ends_with(" remove -- libc6"), "{act}");
}

#[test]
fn fake_apt_lists_each_architecture_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    fake_apt(folder.path());
    for (asked, name, version) in [
        ("libc6:amd64", "libc6", "2.36"),
        ("libc6:i386", "libc6:i386", "2.31"),
    ] {
        let (listed, _) = run(
            folder.path(),
            &work(PackageManager::Apt, SoftwareAction::List, &[(asked, None)]),
        );
        let kept = PackageChange {
            name: name.into(),
            before: Some(version.into()),
            after: Some(version.into()),
        };
        assert_eq!(listed, Ok(vec![kept]));
    }
}

#[test]
fn fake_apt_lists_what_is_there_beside_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    fake_apt(folder.path());
    let host = Host::with_fakes(folder.path());
    for (asked, reason) in [
        (
            &[("gone", None), ("libc6", None)][..],
            "package 'gone' is not installed",
        ),
        (
            &[("gone", None), ("libc6", None), ("lost", None)][..],
            "packages 'gone', 'lost' are not installed",
        ),
    ] {
        let failed = install(&work(PackageManager::Apt, SoftwareAction::List, asked), &host).unwrap_err();
        assert_eq!(failed.reason, reason);
        let Some(JobResult::SoftwareInstall(result)) = failed.result else {
            panic!("a list")
        };
        let names: Vec<&str> = result.packages.iter().map(|package| &*package.name).collect();
        assert_eq!(names, ["libc6"]);
    }
}

#[test]
fn what_a_fake_manager_could_not_do_is_told_with_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    fake(
        folder.path(),
        "apk",
        "case \"$*\" in *search*) echo nginx;; *add*) echo 'ERROR: unable to lock' >&2; exit 99;; esac",
    );
    let (changes, _) = run(
        folder.path(),
        &work(PackageManager::Apk, SoftwareAction::Install, &[("nginx", None)]),
    );
    assert_eq!(
        changes.unwrap_err(),
        "apk could not install: ERROR: unable to lock"
    );
}

#[test]
fn no_name_is_read_as_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    fake(folder.path(), "apk", "");
    for name in [
        "@group", "a^", "a~1", "+a", "a:i386", "a,b", "$(id)", "a|b", "!a", "a@edge", "ä",
    ] {
        let (changes, acts) = run(
            folder.path(),
            &work(PackageManager::Apk, SoftwareAction::Install, &[(name, None)]),
        );
        assert!(changes.unwrap_err().contains("is not a package's name"), "{name}");
        assert!(acts.is_empty());
    }
}

#[test]
fn a_manager_that_is_not_here_is_said_so() {
    let text = choose(Some(PackageManager::Winget), &Host::new(&[])).unwrap_err();
    assert_eq!(text, "winget is not on this host");
}
