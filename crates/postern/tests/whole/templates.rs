//! The shell of the templates, as their steps have it, against commands that succeed and fail: what failed is no success.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use postern_domain::workflow::{CommandStep, Definition, Step, Work, each_step, read, templates::TEMPLATES};

use super::support::{Home, environment};

/// What a step of a template runs, with a shell.
fn shell_of(template: &str, step: &str) -> String {
    let template = TEMPLATES.iter().find(|one| one.name == template).unwrap();
    let definition: Definition = read(serde_saphyr::from_str(template.source).unwrap()).unwrap();
    let mut found: Option<String> = None;
    each_step(&definition.steps, "", &mut |_: &str, one: &Step| {
        if let Work::Command(CommandStep {
            command, shell: true, ..
        }) = &one.work
            && one.id == step
        {
            found.clone_from(command);
        }
    });
    found.unwrap()
}

/// Runs it where these commands stand in for others. Whether it succeeds, and what it prints.
fn run(shell: &str, commands: &[(&str, &str)]) -> (bool, String) {
    let home = Home::new();
    for (name, script) in commands {
        let path = home.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!(
        "{}:{}",
        home.path().display(),
        environment("PATH").unwrap_or_default()
    );
    let output = Command::new("sh")
        .args(["-c", shell])
        .env("PATH", path)
        .env("ENDPOINT", "web1:443")
        .env("SERVER_NAME", "web1")
        .env("DAYS", "21")
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn what_fails_in_the_shell_of_a_template_fails_its_step() {
    // What `apt-get` does when it updates, and when it plans.
    let apt = |update: &str, plan: &str| format!("case \"$1\" in update) {update} ;; *) {plan} ;; esac");
    let pending = "Reading package lists...\\nInst libc6 [1] (2)\\nConf libc6 (2)";
    let planned = format!("printf '{pending}\\n'");
    let x509 = "cat > /dev/null; echo looked";
    for (template, step, commands, expected) in [
        (
            "patch-with-canary",
            "pending",
            vec![("apt-get", apt("exit 0", &planned))],
            (true, "Inst libc6 [1] (2)\n"),
        ),
        (
            "patch-with-canary",
            "pending",
            vec![("apt-get", apt("exit 0", "echo 'Reading package lists...'"))],
            (true, "nothing to install\n"),
        ),
        (
            "patch-with-canary",
            "pending",
            vec![("apt-get", apt("exit 100", &planned))],
            (false, ""),
        ),
        (
            "patch-with-canary",
            "pending",
            vec![("apt-get", apt("exit 0", "exit 100"))],
            (false, ""),
        ),
        (
            "collect-diagnostics",
            "messages",
            vec![("journalctl", "echo from the journal".to_owned())],
            (true, "from the journal\n"),
        ),
        (
            "collect-diagnostics",
            "messages",
            vec![
                ("journalctl", "exit 1".to_owned()),
                ("dmesg", "echo from the kernel".to_owned()),
            ],
            (true, "from the kernel\n"),
        ),
        (
            "collect-diagnostics",
            "messages",
            vec![
                ("journalctl", "exit 1".to_owned()),
                ("dmesg", "exit 1".to_owned()),
            ],
            (false, ""),
        ),
        (
            "certificate-check",
            "look",
            vec![("openssl", format!("case \"$1\" in x509) {x509} ;; esac"))],
            (true, "looked\n"),
        ),
        (
            "certificate-check",
            "valid",
            vec![(
                "openssl",
                "case \"$1 $*\" in *'-checkend 1814400') exit 1 ;; x509*) exit 0 ;; esac".to_owned(),
            )],
            (false, ""),
        ),
    ] {
        let commands: Vec<(&str, &str)> = commands
            .iter()
            .map(|(name, script)| (*name, script.as_str()))
            .collect();
        let (succeeded, printed) = run(&shell_of(template, step), &commands);
        assert_eq!(
            (succeeded, printed.as_str()),
            expected,
            "{template}, {step}: {commands:?}"
        );
    }
}
