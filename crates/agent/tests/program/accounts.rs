//! Users and groups for real. Changes the machine's accounts, so most of it runs where it is told to only.

use std::{fs, path::Path, process::Command};

use nix::unistd::geteuid;
use postern_protocol::{
    messages::{Outcome, ResultRequest},
    payload::{GroupAction, GroupControl, JobPayload, UserAction, UserControl},
    result::{GroupResult, JobResult, UserResult},
};

use crate::support::{self, Attempt, files, may_destroy};

fn user(action: UserAction, name: &str) -> UserControl {
    UserControl {
        action,
        user: name.into(),
        full_name: None,
        home: None,
        shell: None,
        groups: vec![],
        system: false,
        set_password: false,
        remove_home: false,
        force: false,
    }
}

fn group(action: GroupAction, name: &str, members: &[&str]) -> GroupControl {
    GroupControl {
        action,
        group: name.into(),
        members: members.iter().map(|name| (*name).to_owned()).collect(),
        system: false,
        force: false,
    }
}

fn run_user(work: UserControl) -> ResultRequest {
    Attempt::new(JobPayload::UserControl(work), 60).run()
}

fn run_group(work: GroupControl) -> ResultRequest {
    Attempt::new(JobPayload::GroupControl(work), 60).run()
}

fn of_user(result: &ResultRequest) -> &UserResult {
    match &result.result {
        Some(JobResult::UserControl(result)) => result,
        other => panic!("no user: {other:?} {:?}", result.failure),
    }
}

fn of_group(result: &ResultRequest) -> &GroupResult {
    match &result.result {
        Some(JobResult::GroupControl(result)) => result,
        other => panic!("no group: {other:?} {:?}", result.failure),
    }
}

fn failure(result: &ResultRequest) -> &str {
    assert_eq!(
        result.outcome,
        Outcome::Exited { code: 1 },
        "{:?}",
        result.outcome
    );
    result.failure.as_deref().unwrap()
}

/// Gone before and after, whatever became of the test.
struct Names {
    users: &'static [&'static str],
    groups: &'static [&'static str],
}

impl Names {
    fn clear(&self) {
        for user in self.users {
            let _ = Command::new("userdel").args(["--remove", user]).output();
        }
        for group in self.groups {
            let _ = Command::new("groupdel").arg(group).output();
        }
    }

    fn new(users: &'static [&'static str], groups: &'static [&'static str]) -> Self {
        let names = Self { users, groups };
        names.clear();
        names
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.clear();
    }
}

fn skipped() -> bool {
    support::skipped(
        may_destroy(),
        "makes accounts; root and POSTERN_TEST_DESTRUCTIVE=1 are needed",
    )
}

/// Were the refusal that is tried wrong, root would go through with it.
fn could_harm() -> bool {
    support::skipped(
        may_destroy() || !geteuid().is_root(),
        "asks for what must be refused; as root POSTERN_TEST_DESTRUCTIVE=1 is needed",
    )
}

/// Whether this is the user's password, as sign-ins compare it.
fn has_password(name: &str, password: &str) -> bool {
    let shadow = fs::read_to_string("/etc/shadow").unwrap();
    let line = shadow
        .lines()
        .find(|line| line.starts_with(&format!("{name}:")))
        .unwrap();
    let stored = line.split(':').nth(1).unwrap().to_owned();
    let code = "import ctypes,sys; c=ctypes.CDLL('libcrypt.so.1').crypt; c.restype=ctypes.c_char_p; sys.exit(c(sys.argv[1].encode(), sys.argv[2].encode()) != sys.argv[2].encode())";
    Command::new("python3")
        .args(["-c", code, password, &stored])
        .status()
        .unwrap()
        .success()
}

#[test]
fn a_user_is_made_with_all_that_was_asked_for_and_deleted() {
    if skipped() {
        return;
    }
    let _names = Names::new(&["postern-ann"], &["postern-team"]);
    assert!(of_group(&run_group(group(GroupAction::Create, "postern-team", &[]))).exists);
    let home = tempfile::tempdir().unwrap();
    let wanted = home.path().join("ann");
    let work = UserControl {
        full_name: Some("Ann Example".into()),
        home: Some(wanted.display().to_string()),
        shell: Some("/bin/sh".into()),
        groups: vec!["postern-team".into()],
        ..user(UserAction::Create, "postern-ann")
    };
    let result = run_user(work.clone());
    let made = of_user(&result);
    assert!(made.exists && made.changed && made.uid.is_some());
    assert_eq!(made.home.as_deref(), wanted.to_str());
    assert_eq!(made.shell.as_deref(), Some("/bin/sh"));
    assert_eq!(made.groups, ["postern-team", "postern-ann"]);
    assert_eq!(made.enabled, Some(false), "it has no password");
    assert!(wanted.is_dir());
    assert!(failure(&run_user(work)).contains("user 'postern-ann' exists already"));
    assert!(failure(&run_user(user(UserAction::Enable, "postern-ann"))).contains("has no password"));

    let result = run_user(UserControl {
        remove_home: true,
        ..user(UserAction::Delete, "postern-ann")
    });
    assert!(!of_user(&result).exists && of_user(&result).changed);
    assert!(!wanted.exists());
}

#[test]
fn a_new_user_comes_into_a_group_of_root_only_by_force() {
    if skipped() {
        return;
    }
    let _names = Names::new(&["postern-fay"], &[]);
    let work = UserControl {
        groups: vec!["root".into()],
        ..user(UserAction::Create, "postern-fay")
    };
    assert!(failure(&run_user(work.clone())).contains("group 'root' is one of root"));
    let result = run_user(UserControl { force: true, ..work });
    assert!(of_user(&result).groups.contains(&"root".into()));
}

#[test]
fn a_password_is_set_by_secret_locked_and_unlocked() {
    if skipped() {
        return;
    }
    const PASSWORD: &str = "c4nary: w0rd'\"$x";
    let _names = Names::new(&["postern-bob"], &[]);
    let work = UserControl {
        set_password: true,
        ..user(UserAction::Create, "postern-bob")
    };
    let attempt = Attempt::with_secrets(JobPayload::UserControl(work), &[("password", "first password")]);
    assert_eq!(of_user(&attempt.run()).enabled, Some(true));
    assert!(has_password("postern-bob", "first password"));

    let work = user(UserAction::ResetPassword, "postern-bob");
    let attempt = Attempt::with_secrets(JobPayload::UserControl(work), &[("password", PASSWORD)]);
    assert_eq!(attempt.run().outcome, Outcome::Exited { code: 0 });
    assert!(has_password("postern-bob", PASSWORD) && !has_password("postern-bob", "first password"));
    for (path, content) in files(&attempt.dir) {
        assert!(
            !String::from_utf8_lossy(&content).contains("c4nary"),
            "{}",
            path.display()
        );
    }

    for (action, enabled, changed) in [
        (UserAction::Disable, false, true),
        (UserAction::Disable, false, false),
        (UserAction::Enable, true, true),
        (UserAction::Enable, true, false),
    ] {
        let result = run_user(user(action, "postern-bob"));
        assert_eq!(
            (of_user(&result).enabled, of_user(&result).changed),
            (Some(enabled), changed),
            "{action:?}"
        );
    }
    assert!(has_password("postern-bob", PASSWORD), "the same as before");
    let work = user(UserAction::ResetPassword, "postern-bob");
    let attempt = Attempt::with_secrets(JobPayload::UserControl(work), &[("password", "x\nroot:x")]);
    assert!(failure(&attempt.run()).contains("contains a line's end"));
}

#[test]
fn a_group_gets_and_loses_members() {
    if skipped() {
        return;
    }
    let _names = Names::new(&["postern-cat", "postern-dan"], &["postern-crew"]);
    for name in ["postern-cat", "postern-dan"] {
        let work = UserControl {
            system: true,
            ..user(UserAction::Create, name)
        };
        let result = run_user(work);
        assert!(of_user(&result).uid.unwrap() < 1000);
        assert!(!Path::new(of_user(&result).home.as_deref().unwrap()).exists());
    }
    let members = |action, members: &[&str], expected: &[&str], changed: bool| {
        let result = run_group(group(action, "postern-crew", members));
        assert_eq!(
            (of_group(&result).members.join(" "), of_group(&result).changed),
            (expected.join(" "), changed)
        );
    };
    members(GroupAction::Create, &["postern-cat"], &["postern-cat"], true);
    members(
        GroupAction::AddMembers,
        &["postern-cat", "postern-dan"],
        &["postern-cat", "postern-dan"],
        true,
    );
    members(
        GroupAction::AddMembers,
        &["postern-dan"],
        &["postern-cat", "postern-dan"],
        false,
    );
    members(
        GroupAction::RemoveMembers,
        &["postern-cat"],
        &["postern-dan"],
        true,
    );
    let again = run_group(group(GroupAction::Create, "postern-crew", &[]));
    assert!(failure(&again).contains("group 'postern-crew' exists already"));
    let unknown = run_group(group(
        GroupAction::AddMembers,
        "postern-crew",
        &["postern-nobody"],
    ));
    assert!(failure(&unknown).contains("there is no user 'postern-nobody'"));
    let primary = run_group(group(GroupAction::Delete, "postern-cat", &[]));
    assert!(failure(&primary).contains("could not be deleted"));
    assert!(!of_group(&run_group(group(GroupAction::Delete, "postern-crew", &[]))).exists);
}

#[test]
fn who_does_not_exist_is_a_failure_that_says_so() {
    if could_harm() {
        return;
    }
    for action in [UserAction::Delete, UserAction::Disable, UserAction::Enable] {
        let result = run_user(user(action, "postern-nobody"));
        assert!(failure(&result).contains("there is no user 'postern-nobody'"));
    }
    let result = run_group(group(GroupAction::Delete, "postern-nobody", &[]));
    assert!(failure(&result).contains("there is no group 'postern-nobody'"));
    let work = UserControl {
        groups: vec!["postern-nobody".into()],
        ..user(UserAction::Create, "postern-eve")
    };
    assert!(failure(&run_user(work)).contains("there is no group 'postern-nobody'"));
}

#[test]
fn root_and_the_agents_own_user_are_left_alone() {
    if could_harm() {
        return;
    }
    // Other users come and go with the tests beside this one.
    let root = || {
        let users = fs::read_to_string("/etc/passwd").unwrap();
        users
            .lines()
            .find(|line| line.starts_with("root:"))
            .map(str::to_owned)
    };
    let before = root();
    for action in [UserAction::Delete, UserAction::Disable] {
        let result = run_user(user(action, "root"));
        assert!(
            failure(&result).contains("'root' is the superuser"),
            "{}",
            failure(&result)
        );
    }
    let result = run_group(group(GroupAction::Delete, "root", &[]));
    assert!(failure(&result).contains("one of root"), "{}", failure(&result));
    // The same by another way: a new user in it.
    let result = run_user(UserControl {
        groups: vec!["root".into()],
        ..user(UserAction::Create, "postern-eve")
    });
    assert!(failure(&result).contains("one of root"), "{}", failure(&result));
    if !geteuid().is_root() {
        let own = nix::unistd::User::from_uid(geteuid()).unwrap().unwrap().name;
        assert!(failure(&run_user(user(UserAction::Disable, &own))).contains("agent's own user"));
    }
    assert_eq!(root(), before);
}
