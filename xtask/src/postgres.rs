//! A PostgreSQL of our own for one run: a fresh cluster in memory or under `target/pg`, on a free port of the loopback
//! address, gone when the run ends. Clusters of the machine are never touched.

use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use nix::sys::statvfs::statvfs;
use nix::unistd::{Gid, Uid, User, chown, geteuid};

use crate::interrupt::{Interrupt, Waited};
use crate::process::{self, Service, find_program, succeeds};
use crate::workspace::Workspace;

const START_LIMIT: Duration = Duration::from_secs(60);
/// Enough for every test process at once with a pool each.
const CONNECTIONS_MAXIMUM: u32 = 300;
/// Bytes: several times what the tests were seen to take.
const MEMORY_NEEDED: u64 = 4 << 30;

/// A server program of PostgreSQL. Debian keeps them off PATH, one folder per major version; the newest wins.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let program = entry.path().join("bin").join(name);
            program.exists().then_some((version, program))
        })
        .max();
    newest.map(|(_, program)| program).or_else(|| find_program(name))
}

#[derive(Debug)]
pub(crate) struct Cluster {
    url: String,
    // Dropped in this order: the server first, then its files.
    server: Service,
    _folder: Folder,
}

impl Cluster {
    pub(crate) fn start(
        workspace: &Workspace,
        interrupt: &Interrupt,
        durability: Durability,
    ) -> Result<Self> {
        let needed = |name: &str| program(name).with_context(|| format!("PostgreSQL's {name} is missing"));
        let (initdb, server, ready) = (needed("initdb")?, needed("postgres")?, needed("pg_isready")?);
        let account = Account::choose()?;
        let folder = Folder::create(workspace, &account, durability)?;
        let data = folder.path.join("data");
        let mut create = account.command(&initdb, &folder.path);
        create.args([
            "--username=postern",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "--no-instructions",
        ]);
        process::capture(create.arg("--pgdata").arg(&data)).context("cannot create a PostgreSQL cluster")?;

        let port = free_port()?.to_string();
        let mut command = account.command(&server, &folder.path);
        command
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &port, "-k", ""]);
        command.args(["-c", &format!("max_connections={CONNECTIONS_MAXIMUM}")]);
        command.args(durability.settings());
        // SIGINT is its fast shutdown: SIGTERM would wait for every client to leave.
        let log = workspace.target("pg/postgresql.log");
        let mut server = Service::start("PostgreSQL server", &log, &mut command)?.stopped_by(Signal::SIGINT);
        interrupt.wait_for("PostgreSQL", START_LIMIT, || {
            server.check_alive()?;
            let mut ask = Command::new(&ready);
            Ok(succeeds(ask.args(["-q", "-h", "127.0.0.1", "-p", &port, "-U", "postern"])).then_some(()))
        })?;
        let url = format!("postgres://postern@127.0.0.1:{port}/postgres");
        println!("PostgreSQL is ready at {url} (process {})", server.id());
        Ok(Self {
            url,
            server,
            _folder: folder,
        })
    }

    /// For a superuser without a password; clients make databases of their own.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// What a cluster outlives. Clients see no difference but the speed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Durability {
    /// The end of any process, for tests: they make and drop a database each, and none takes the machine's power away.
    OfProcesses,
    /// The end of the machine as well, as where it counts: what is measured there is what users get.
    Full,
}

impl Durability {
    const fn settings(self) -> &'static [&'static str] {
        match self {
            Self::OfProcesses => &["-c", "fsync=off", "-c", "full_page_writes=off"],
            Self::Full => &["-c", "fsync=on"],
        }
    }
}

/// `cargo xtask postgres`: a cluster for tests that a developer starts by hand.
pub(crate) fn serve(workspace: &Workspace, interrupt: &Interrupt) -> Result<()> {
    let mut cluster = Cluster::start(workspace, interrupt, Durability::OfProcesses)?;
    println!(
        "export POSTERN_TEST_POSTGRES={}\nCtrl-C ends it and removes its data.",
        cluster.url()
    );
    while interrupt.pause(Duration::from_millis(500)) == Waited::Elapsed {
        cluster.server.check_alive()?;
    }
    Ok(())
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

/// Who runs the server: PostgreSQL refuses to run as root.
#[derive(Debug)]
enum Account {
    Ourselves,
    Other { user: Uid, group: Gid },
}

impl Account {
    fn choose() -> Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let user =
            User::from_name("postgres")?.context("there is no user `postgres` to run PostgreSQL as")?;
        Ok(Self::Other {
            user: user.uid,
            group: user.gid,
        })
    }

    fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder);
        if let Self::Other { user, group } = self {
            command.uid(user.as_raw()).gid(group.as_raw()).env("HOME", folder);
        }
        command
    }
}

/// Holds one cluster; named after our process, so that runs side by side do not meet.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn create(workspace: &Workspace, account: &Account, durability: Durability) -> Result<Self> {
        let name = format!("run-{}", std::process::id());
        let beside = match durability {
            Durability::OfProcesses => in_memory(),
            Durability::Full => None,
        };
        let beside = beside.unwrap_or_else(|| workspace.target("pg"));
        std::fs::create_dir_all(&beside).with_context(|| format!("cannot create {}", beside.display()))?;
        remove_leftovers(&beside, account);
        let folder = Self::create_at(beside.join(&name), account)?;
        if succeeds(&mut account.command(Path::new("true"), &folder.path)) {
            return Ok(folder);
        }
        // The repository lies in a folder that the other account may not enter.
        let elsewhere = std::env::temp_dir().join(format!("postern-pg-{name}"));
        let folder = Self::create_at(elsewhere, account)?;
        if !succeeds(&mut account.command(Path::new("true"), &folder.path)) {
            bail!(
                "the user `postgres` can enter neither {} nor the temporary folder",
                beside.display()
            );
        }
        Ok(folder)
    }

    fn create_at(path: PathBuf, account: &Account) -> Result<Self> {
        std::fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let folder = Self { path };
        if let Account::Other { user, group } = account {
            chown(&folder.path, Some(*user), Some(*group)).context("cannot hand a folder to `postgres`")?;
        }
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            eprintln!("warning: cannot remove {}: {error}", self.path.display());
        }
    }
}

/// Where files are in memory, when there is room: a database is a thousand files, and hundreds of tests make and drop one
/// each, which keeps a disk's file system busier than the tests.
fn in_memory() -> Option<PathBuf> {
    let memory = Path::new("/dev/shm");
    let space = statvfs(memory).ok()?;
    let free = space.blocks_available() * space.fragment_size();
    (free >= MEMORY_NEEDED).then(|| memory.join(format!("postern-pg-{}", geteuid())))
}

/// Stops and removes clusters of earlier runs that were killed before they could do it.
fn remove_leftovers(beside: &Path, account: &Account) {
    for entry in std::fs::read_dir(beside).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(owner) = name.strip_prefix("run-") else {
            continue;
        };
        if is_running(owner) {
            continue;
        }
        if let Some(control) = program("pg_ctl") {
            let mut stop = account.command(&control, &entry.path());
            succeeds(
                stop.args(["stop", "-m", "immediate", "-D"])
                    .arg(entry.path().join("data")),
            );
        }
        drop(Folder { path: entry.path() });
    }
}

/// A number may have gone to another program since, and a process that nobody waited for keeps its number but has no
/// program any more.
fn is_running(process: &str) -> bool {
    let program = std::fs::read_link(Path::new("/proc").join(process).join("exe"));
    program.is_ok_and(|program| program.to_string_lossy().contains("xtask"))
}
