//! `postern job user` and `postern job group`. They change the machine's accounts, so they run where it is told to.

use std::process::Command;

use super::World;
use crate::support::{may_destroy, skipped};

/// Gone before and after, whatever became of the test.
struct Names {
    user: &'static str,
    group: &'static str,
}

impl Names {
    fn new(user: &'static str, group: &'static str) -> Self {
        let names = Self { user, group };
        names.clear();
        names
    }

    fn clear(&self) {
        let _ = Command::new("userdel").args(["--remove", self.user]).output();
        let _ = Command::new("groupdel").arg(self.group).output();
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.clear();
    }
}

fn is_skipped() -> bool {
    skipped(
        may_destroy(),
        "makes accounts; root and POSTERN_TEST_DESTRUCTIVE=1 are needed",
    )
}

/// Whether the host knows it, asked elsewhere.
fn is_known(list: &str, name: &str) -> bool {
    Command::new("getent")
        .args([list, name])
        .output()
        .unwrap()
        .status
        .success()
}

/// Whether it is the user's, as sign-ins compare it.
fn is_password(user: &str, password: &str) -> bool {
    let code = "import ctypes,sys,spwd\n\
                crypt = ctypes.CDLL('libcrypt.so.1').crypt; crypt.restype = ctypes.c_char_p\n\
                kept = spwd.getspnam(sys.argv[1]).sp_pwdp.encode()\n\
                sys.exit(crypt(sys.argv[2].encode(), kept) != kept)";
    Command::new("python3")
        .args(["-W", "ignore", "-c", code, user, password])
        .status()
        .unwrap()
        .success()
}

#[test]
fn a_user_is_made_switched_off_and_deleted_and_is_not_made_twice() {
    if is_skipped() {
        return;
    }
    let names = Names::new("postern-uma", "postern-none");
    let world = World::new();
    let home = world.home.join("uma");
    let create = [
        "user",
        "create",
        names.user,
        "--full-name",
        "Uma Example",
        "--home",
        home.to_str().unwrap(),
        "--shell",
        "/bin/sh",
    ];
    let job = world.job(&create);
    let user = job.done("user_control");
    assert_eq!((&user["exists"], &user["changed"]), (&true.into(), &true.into()));
    assert_eq!(
        (&user["shell"], &user["enabled"]),
        (&"/bin/sh".into(), &false.into())
    );
    assert!(home.is_dir() && is_known("passwd", names.user));
    world.job(&create).failed("user 'postern-uma' exists already");
    world.job(&["user", "disable", names.user]).done("user_control");
    let job = world.job(&["user", "delete", names.user, "--remove-home"]);
    assert_eq!(job.done("user_control")["exists"], false);
    assert!(!home.exists() && !is_known("passwd", names.user));
    world
        .job(&["user", "delete", names.user])
        .failed("there is no user 'postern-uma'");
}

#[test]
fn a_password_that_was_drawn_is_shown_once_and_works() {
    if is_skipped() {
        return;
    }
    let names = Names::new("postern-pat", "postern-none");
    let world = World::new();
    let arguments = [
        "job",
        "user",
        "create",
        names.user,
        "--system",
        "--set-password",
        "--agent",
        "host",
        "--json",
    ];
    let created = world.cli.run(&arguments).json();
    let password = created["generated_password"].as_str().unwrap().to_owned();
    let id = created["jobs"][0]["id"].as_i64().unwrap();
    let detail = world
        .door
        .wait_for_end(postern_domain::JobId(id), crate::support::LIMIT);
    let told = serde_json::to_string(&detail).unwrap();
    assert!(told.contains("\"enabled\":true"), "{told}");
    assert!(!told.contains(&password), "shown once");
    assert!(is_password(names.user, &password));
}

#[test]
fn a_user_is_switched_off_and_on_and_gets_a_password_of_its_own() {
    const PASSWORD: &str = "c4nary w0rd'\"$x";
    if is_skipped() {
        return;
    }
    let names = Names::new("postern-sue", "postern-none");
    let world = World::new();
    world
        .job(&["user", "create", names.user, "--system"])
        .done("user_control");
    world
        .job(&["user", "enable", names.user])
        .failed("has no password to sign in with");
    let file = world.home.join("password");
    std::fs::write(&file, PASSWORD).unwrap();
    let secret = format!("password=@{}", file.display());
    let job = world.job(&["user", "reset-password", names.user, "--secret", &secret]);
    assert_eq!(job.done("user_control")["enabled"], true);
    assert!(!job.0.to_string().contains("c4nary"), "{:#}", job.0);
    assert!(is_password(names.user, PASSWORD));
    for (action, enabled) in [("disable", false), ("enable", true)] {
        let job = world.job(&["user", action, names.user]);
        let user = job.done("user_control");
        assert_eq!(
            (&user["enabled"], &user["changed"]),
            (&enabled.into(), &true.into())
        );
    }
    assert!(is_password(names.user, PASSWORD), "the same as before");
}

#[test]
fn root_and_its_group_are_left_alone() {
    if is_skipped() {
        return;
    }
    let names = Names::new("postern-rob", "postern-none");
    let world = World::new();
    let root = || {
        let known = Command::new("getent").args(["shadow", "root"]).output();
        known.unwrap().stdout
    };
    let before = root();
    for action in ["delete", "disable", "reset-password"] {
        let job = world.job(&["user", action, "root"]);
        job.failed("'root' is the superuser");
    }
    for order in [["delete", "root"].as_slice(), &["add", "root", "nobody"]] {
        let job = world.job(&[&["group"], order].concat());
        job.failed("group 'root' is one of root");
    }
    let job = world.job(&["user", "create", names.user, "--system", "--member-of", "root"]);
    job.failed("group 'root' is one of root");
    assert!(!is_known("passwd", names.user));
    assert_eq!(root(), before);
}

#[test]
fn a_group_gets_and_loses_members_and_one_that_nobody_knows_is_named() {
    if is_skipped() {
        return;
    }
    let names = Names::new("postern-gus", "postern-guild");
    let world = World::new();
    world
        .job(&["user", "create", names.user, "--system"])
        .done("user_control");
    let job = world.job(&["group", "create", names.group]);
    assert_eq!(job.done("group_control")["members"], serde_json::json!([]));
    world
        .job(&["group", "create", names.group])
        .failed("group 'postern-guild' exists already");
    let job = world.job(&["group", "add", names.group, names.user]);
    assert_eq!(
        job.done("group_control")["members"],
        serde_json::json!([names.user])
    );
    let job = world.job(&["group", "add", names.group, "postern-nobody"]);
    job.failed("there is no user 'postern-nobody'");
    let job = world.job(&["group", "remove", names.group, names.user]);
    assert_eq!(job.done("group_control")["members"], serde_json::json!([]));
    world.job(&["group", "delete", names.group]).done("group_control");
    assert!(!is_known("group", names.group));
    world
        .job(&["group", "delete", names.group])
        .failed("there is no group 'postern-guild'");
}
