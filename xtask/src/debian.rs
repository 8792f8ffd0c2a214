//! Programs the tests need beside Rust and Node.js, installed from Debian's packages where we may.

use std::path::Path;

use anyhow::{Result, bail};

use crate::interrupt::Interrupt;
use crate::postgres;
use crate::process::{find_program, run, succeeds};
use crate::workspace::Workspace;

/// A program and the package that brings it.
struct Need {
    package: &'static str,
    present: fn(&Workspace) -> bool,
}

const NEEDS: [Need; 14] = [
    Need {
        package: "gcc",
        present: |_| find_program("cc").is_some(),
    },
    Need {
        package: "libc6-dev",
        present: |_| std::path::Path::new("/usr/include/stdlib.h").exists(),
    },
    Need {
        package: "git",
        present: |_| find_program("git").is_some(),
    },
    Need {
        package: "postgresql",
        present: |_| postgres::program("initdb").is_some(),
    },
    Need {
        package: "chromium",
        present: |_| find_program("chromium").is_some(),
    },
    Need {
        package: "nginx-light",
        present: |_| find_program("nginx").is_some(),
    },
    Need {
        package: "openssl",
        present: |_| find_program("openssl").is_some(),
    },
    Need {
        package: "jq",
        present: |_| find_program("jq").is_some(),
    },
    Need {
        package: "dnsmasq-base",
        present: |_| find_program("dnsmasq").is_some(),
    },
    Need {
        package: "python3-aiosmtpd",
        present: |_| find_program("aiosmtpd").is_some(),
    },
    Need {
        package: "iproute2",
        present: |_| find_program("ip").is_some(),
    },
    Need {
        package: "procps",
        present: |_| find_program("ps").is_some(),
    },
    Need {
        package: "python3",
        // Where agents as a service find it.
        present: |_| Path::new("/usr/bin/python3").exists(),
    },
    Need {
        package: "python3-venv",
        present: |workspace| {
            succeeds(
                workspace
                    .command("python3")
                    .args(["-c", "import venv, ensurepip"]),
            )
        },
    },
];

/// Asks for programs, not for packages: a machine that has them from elsewhere is left as it is.
pub(crate) fn ensure(workspace: &Workspace, interrupt: &Interrupt) -> Result<()> {
    let absent = |need: &&Need| !(need.present)(workspace);
    let missing: Vec<&str> = NEEDS.iter().filter(absent).map(|need| need.package).collect();
    if missing.is_empty() {
        println!("all programs are there");
        return Ok(());
    }
    let names = missing.join(" ");
    if find_program("apt-get").is_none() {
        bail!("missing, by the names of their Debian packages: {names}");
    }
    if !nix::unistd::geteuid().is_root() {
        bail!("missing: {names}. Install with: sudo apt-get install --no-install-recommends {names}");
    }
    let apt = || {
        let mut command = workspace.command("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(interrupt, apt().args(["update", "--quiet"]))?;
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    run(interrupt, apt().args(install).args(&missing))?;
    match NEEDS.iter().find(absent) {
        None => Ok(()),
        Some(need) => bail!(
            "installed {}, but what it should bring is still not found",
            need.package
        ),
    }
}
