//! What each package manager is called with, so that none of them ever asks back.

use postern_protocol::payload::{Package, PackageManager, SoftwareAction};

use super::{Ended, Host, Installed, Output, parse};

/// How long another package manager on the same host may keep its lock.
pub(super) const LOCK_SECONDS: u64 = 120;

/// For all of them: what the others do not know they leave alone.
pub(super) const ENVIRONMENT: [(&str, &str); 4] = [
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("APT_LISTCHANGES_FRONTEND", "none"),
    ("NEEDRESTART_MODE", "l"),
    ("UCF_FORCE_CONFFOLD", "1"),
];

/// Configuration files that somebody changed are kept, new defaults are taken where nobody did.
const APT: [&str; 7] = [
    "apt-get",
    "--assume-yes",
    "--quiet",
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
    "--option=Dpkg::Use-Pty=0",
    "--option=DPkg::Lock::Timeout=120",
];

pub(super) const fn program(kind: PackageManager) -> &'static str {
    match kind {
        PackageManager::Apt => "apt-get",
        PackageManager::Dnf => "dnf",
        PackageManager::Zypper => "zypper",
        PackageManager::Apk => "apk",
        PackageManager::Winget => "winget",
        PackageManager::Choco => "choco",
    }
}

pub(super) fn installed(kind: PackageManager, host: &Host) -> Result<Installed, String> {
    let argv: &[&str] = match kind {
        PackageManager::Apt => &[
            "dpkg-query",
            "--show",
            "--showformat=${db:Status-Abbrev}\\t${Package}\\t${Architecture}\\t${Version}\\n",
        ],
        PackageManager::Dnf | PackageManager::Zypper => {
            &["rpm", "-qa", "--queryformat", "%{NAME}\\t%{EVR}\\n"]
        }
        PackageManager::Apk => &["apk", "info", "-v"],
        PackageManager::Winget => &[
            "winget",
            "list",
            "--accept-source-agreements",
            "--disable-interactivity",
        ],
        PackageManager::Choco => &["choco", "list", "--limit-output"],
    };
    let ended = host.run(argv, Output::Kept)?;
    if !ended.succeeded() {
        return Err(format!("what is installed cannot be listed: {}", ended.said()));
    }
    Ok(match kind {
        PackageManager::Apt => parse::dpkg(&ended.out, &native(host)?),
        PackageManager::Dnf | PackageManager::Zypper => parse::rpm(&ended.out),
        PackageManager::Apk => parse::apk(&ended.out),
        PackageManager::Winget => parse::winget(&ended.out),
        PackageManager::Choco => parse::choco(&ended.out),
    })
}

/// What was asked for, under the names that `installed` has.
pub(super) fn named(kind: PackageManager, packages: &[Package], host: &Host) -> Result<Vec<Package>, String> {
    let mut packages = packages.to_vec();
    if kind == PackageManager::Apt {
        let native = native(host)?;
        for package in &mut packages {
            package.name = parse::dpkg_name(&package.name, &native).to_owned();
        }
    }
    Ok(packages)
}

/// The architecture that dpkg takes for the host's own.
fn native(host: &Host) -> Result<String, String> {
    let ended = host.run(&["dpkg", "--print-architecture"], Output::Kept)?;
    Ok(ended.out.trim().to_owned())
}

pub(super) const fn refresh(kind: PackageManager) -> Option<&'static [&'static str]> {
    match kind {
        PackageManager::Apt => Some(&["apt-get", "--quiet", "update"]),
        PackageManager::Dnf => Some(&["dnf", "--assumeyes", "makecache", "--refresh"]),
        PackageManager::Zypper => Some(&["zypper", "--non-interactive", "refresh"]),
        PackageManager::Apk => Some(&["apk", "update"]),
        PackageManager::Winget => Some(&["winget", "source", "update", "--disable-interactivity"]),
        PackageManager::Choco => None,
    }
}

/// Whether there is a package of exactly this name that could be installed.
pub(super) fn knows(kind: PackageManager, name: &str, host: &Host) -> Result<bool, String> {
    let kept = |argv: &[&str]| host.run(argv, Output::Kept);
    let lists = |ended: Ended| ended.succeeded() && ended.out.lines().any(|line| line.trim() == name);
    Ok(match kind {
        PackageManager::Apt => {
            // It reads `bash+` as bash, and shows nothing, successfully, for names that others only provide.
            let own = format!("Package: {}", name.split(':').next().unwrap_or(name));
            let ended = kept(&["apt-cache", "show", "--no-all-versions", name])?;
            ended.succeeded() && ended.out.lines().any(|line| line == own)
        }
        PackageManager::Dnf => lists(kept(&[
            "dnf",
            "--quiet",
            "repoquery",
            "--queryformat",
            "%{name}\\n",
            name,
        ])?),
        PackageManager::Zypper => kept(&[
            "zypper",
            "--non-interactive",
            "search",
            "--match-exact",
            "--type",
            "package",
            name,
        ])?
        .succeeded(),
        PackageManager::Apk => lists(kept(&["apk", "search", "--exact", "--quiet", name])?),
        PackageManager::Winget => kept(&[
            "winget",
            "show",
            "--exact",
            "--id",
            name,
            "--accept-source-agreements",
            "--disable-interactivity",
        ])?
        .succeeded(),
        PackageManager::Choco => {
            let ended = kept(&["choco", "search", name, "--exact", "--limit-output"])?;
            ended.succeeded() && parse::choco(&ended.out).contains_key(name)
        }
    })
}

/// One or more programs to run, in order, none of which asks anything. Without packages for all of them.
pub(super) fn commands(
    kind: PackageManager,
    action: SoftwareAction,
    packages: &Option<Vec<Package>>,
) -> Vec<Vec<String>> {
    if packages.as_ref().is_some_and(Vec::is_empty) {
        return Vec::new();
    }
    let all: &[Package] = packages.as_deref().unwrap_or_default();
    let joined = |between: &str| -> Vec<String> {
        all.iter()
            .map(|package| match &package.version {
                Some(version) => format!("{}{between}{version}", package.name),
                None => package.name.clone(),
            })
            .collect()
    };
    let pinned = all.iter().any(|package| package.version.is_some());
    let one = |words: &[&str], names: Vec<String>| {
        let words = words.iter().map(|word| (*word).to_owned());
        vec![words.chain(names).collect::<Vec<String>>()]
    };
    match kind {
        PackageManager::Apt => {
            let mut words = APT.to_vec();
            match (action, packages.is_some()) {
                (SoftwareAction::Remove, _) => words.push("remove"),
                (SoftwareAction::Upgrade, false) => words.extend(["--with-new-pkgs", "upgrade"]),
                (SoftwareAction::Upgrade, true) => words.extend(["--only-upgrade", "install"]),
                _ => words.push("install"),
            }
            if pinned {
                words.push("--allow-downgrades");
            }
            words.push("--");
            one(&words, joined("="))
        }
        PackageManager::Dnf => {
            let word = match action {
                SoftwareAction::Install => "install",
                SoftwareAction::Remove => "remove",
                SoftwareAction::Upgrade | SoftwareAction::List => "upgrade",
            };
            one(&["dnf", "--assumeyes", word], joined("-"))
        }
        PackageManager::Zypper => {
            let words: &[&str] = match action {
                SoftwareAction::Install => &["install", "--name", "--auto-agree-with-licenses"],
                SoftwareAction::Remove => &["remove", "--name"],
                SoftwareAction::Upgrade | SoftwareAction::List => &["update", "--auto-agree-with-licenses"],
            };
            one(&[&["zypper", "--non-interactive"], words].concat(), joined("="))
        }
        PackageManager::Apk => {
            let words: &[&str] = match action {
                SoftwareAction::Install => &["apk", "--wait", "120", "add"],
                SoftwareAction::Remove => &["apk", "--wait", "120", "del"],
                SoftwareAction::Upgrade | SoftwareAction::List => &["apk", "--wait", "120", "upgrade"],
            };
            one(words, joined("="))
        }
        PackageManager::Winget => singly(action, packages, &|word, package| {
            let mut argv = vec!["winget", word];
            match package {
                Some(package) => argv.extend(["--exact", "--id", &package.name]),
                None => argv.push("--all"),
            }
            if let Some(version) = package.and_then(|package| package.version.as_deref()) {
                argv.extend(["--version", version]);
            }
            argv.extend([
                "--silent",
                "--accept-source-agreements",
                "--disable-interactivity",
            ]);
            if word != "uninstall" {
                argv.push("--accept-package-agreements");
            }
            argv.into_iter().map(str::to_owned).collect()
        }),
        PackageManager::Choco => singly(action, packages, &|word, package| {
            let name = package.map_or("all", |package| &package.name);
            let mut argv = vec!["choco", word, name, "--yes", "--no-progress"];
            if let Some(version) = package.and_then(|package| package.version.as_deref()) {
                argv.extend(["--version", version]);
            }
            argv.into_iter().map(str::to_owned).collect()
        }),
    }
}

/// For those that take a version for one package only.
fn singly(
    action: SoftwareAction,
    packages: &Option<Vec<Package>>,
    command: &dyn Fn(&str, Option<&Package>) -> Vec<String>,
) -> Vec<Vec<String>> {
    let word = match action {
        SoftwareAction::Install => "install",
        SoftwareAction::Remove => "uninstall",
        SoftwareAction::Upgrade | SoftwareAction::List => "upgrade",
    };
    match packages {
        None => vec![command(word, None)],
        Some(packages) => packages
            .iter()
            .map(|package| command(word, Some(package)))
            .collect(),
    }
}

pub(super) fn succeeded(kind: PackageManager, ended: &Ended) -> bool {
    match kind {
        // zypper(8): done, and the system or zypper itself should be started again.
        PackageManager::Zypper => matches!(ended.code, Some(0 | 102 | 103)),
        // Done, and the system should be started again.
        PackageManager::Choco => matches!(ended.code, Some(0 | 1641 | 3010)),
        _ => ended.succeeded(),
    }
}
