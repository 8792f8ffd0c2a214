//! Programs of the host that typed jobs use: argument vectors only, a clean environment, nothing to ask back.
//!
//! What a program writes goes through memory instead of a pipe. A daemon that it starts may keep its output open for
//! ever, and must neither hold up the job nor be ended with it. No variable marks these programs as the job's: when the
//! shim is killed, a package manager in the middle of its work is better left to finish.

use std::{
    fs::File,
    io::{self, Write as _},
    os::{fd::OwnedFd, unix::fs::FileExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::{
    poll::poll,
    sys::memfd::{MFdFlags, memfd_create},
    unistd::geteuid,
};

use crate::{jobs::SEARCH_PATH, platform};

const LOOK_AGAIN_MS: u16 = 30;
/// Read of each stream; more than any list of packages is long.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// Of what a program said, for a reason.
const SAID_BYTES: usize = 600;

/// Where programs are found, and what they are told besides.
pub(super) struct Host {
    path: String,
    environment: Vec<(&'static str, &'static str)>,
}

/// Whether a program's output is part of the job's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    Shown,
    Kept,
}

#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Host {
    pub(super) fn new(environment: &[(&'static str, &'static str)]) -> Self {
        Self {
            path: SEARCH_PATH.to_owned(),
            environment: environment.to_vec(),
        }
    }

    /// With FAKE programs in this folder before the real ones.
    #[cfg(test)]
    pub(super) fn with_fakes(folder: &Path) -> Self {
        Self {
            path: format!("{}:{SEARCH_PATH}", folder.display()),
            environment: Vec::new(),
        }
    }

    pub(super) fn find(&self, program: &str) -> Option<PathBuf> {
        self.path
            .split(':')
            .map(|folder| Path::new(folder).join(program))
            .find(|path| path.is_file())
    }

    /// Runs to its end. An error when it cannot be started; how it ended is for the caller to judge.
    pub(super) fn run(&self, argv: &[&str], output: Output) -> Result<Ended, String> {
        self.run_with(argv, output, None)
    }

    /// The same with something to read on its standard input.
    pub(super) fn run_with(
        &self,
        argv: &[&str],
        output: Output,
        input: Option<&str>,
    ) -> Result<Ended, String> {
        let (program, arguments) = argv.split_first().ok_or("no program was named")?;
        let path = self
            .find(program)
            .ok_or_else(|| format!("program '{program}' was not found on this host"))?;
        let failed = |error: io::Error| format!("program '{program}' cannot be run: {error}");
        let (out, err) = (memory().map_err(failed)?, memory().map_err(failed)?);
        let home = platform::home(geteuid()).map_or_else(|| PathBuf::from("/"), |(_, home)| home);
        let mut child = Command::new(path)
            .args(arguments)
            .env_clear()
            .env("PATH", &self.path)
            .env("LC_ALL", "C")
            .env("HOME", home)
            .envs(self.environment.iter().copied())
            .current_dir("/")
            .stdin(if input.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(out.try_clone().map_err(failed)?)
            .stderr(err.try_clone().map_err(failed)?)
            .spawn()
            .map_err(failed)?;
        if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
            // Whoever does not want it says so by how it ends.
            let _ = pipe.write_all(input.as_bytes());
        }
        let code = follow(&mut child, &out, &err, output).map_err(failed)?;
        Ok(Ended {
            code,
            out: text(&out).map_err(failed)?,
            err: text(&err).map_err(failed)?,
        })
    }
}

impl Ended {
    pub(super) fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// What the program said last, on one line; its code when it said nothing.
    pub(super) fn said(&self) -> String {
        let said = [&self.err, &self.out]
            .into_iter()
            .find(|text| !text.trim().is_empty());
        let Some(said) = said else {
            return self.code.map_or("it was killed".into(), |code| {
                format!("it ended with code {code}")
            });
        };
        let lines: Vec<&str> = said
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let joined = lines.join("; ");
        let from = joined.len().saturating_sub(SAID_BYTES);
        joined[joined.ceil_char_boundary(from)..].to_owned()
    }
}

/// A FAKE program in this folder: notes its arguments in the file `calls`, then does what the lines say.
#[cfg(test)]
pub(super) fn fake(folder: &Path, name: &str, lines: &str) {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    let path = folder.join(name);
    let note = format!("printf '%s\\n' \"{name} $*\" >> {}/calls", folder.display());
    fs::write(&path, format!("#!/bin/sh\n{note}\n{lines}\n")).expect("a folder for tests");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("our own file");
}

fn memory() -> io::Result<File> {
    let fd: OwnedFd = memfd_create(c"output", MFdFlags::MFD_CLOEXEC)?;
    Ok(File::from(fd))
}

/// Until the program itself has ended, whatever it left behind.
fn follow(child: &mut Child, out: &File, err: &File, output: Output) -> io::Result<Option<i32>> {
    let (mut out_at, mut err_at) = (0, 0);
    loop {
        let ended = child.try_wait()?;
        if output == Output::Shown {
            pass_on(out, &mut out_at, &mut io::stdout());
            pass_on(err, &mut err_at, &mut io::stderr());
        }
        if let Some(status) = ended {
            return Ok(status.code());
        }
        let _ = poll(&mut [], LOOK_AGAIN_MS);
    }
}

fn pass_on(from: &File, at: &mut u64, to: &mut dyn io::Write) {
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = from.read_at(&mut buffer, *at) {
        *at += read as u64;
        let _ = to.write_all(&buffer[..read]);
    }
    let _ = to.flush();
}

fn text(file: &File) -> io::Result<String> {
    let length = file.metadata()?.len().min(MOST_BYTES);
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_gets_a_clean_environment_and_its_input() {
        let host = Host::new(&[("EXTRA", "1")]);
        let ended = host.run(&["env"], Output::Kept).unwrap();
        let mut names: Vec<&str> = ended
            .out
            .lines()
            .filter_map(|line| line.split('=').next())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["EXTRA", "HOME", "LC_ALL", "PATH"]);
        let ended = host.run_with(&["cat"], Output::Kept, Some("a:b\n")).unwrap();
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), "a:b\n"));
    }

    #[test]
    fn a_daemon_that_keeps_the_output_does_not_hold_up_the_job() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("go");
        nix::unistd::mkfifo(
            &fifo,
            nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR,
        )
        .unwrap();
        let line = format!("(read x < {}; echo late) & echo started", fifo.display());
        let host = Host::new(&[]);
        let ended = host.run(&["sh", "-c", &line], Output::Kept).unwrap();
        assert_eq!(ended.out, "started\n");
        std::fs::write(fifo, "go\n").unwrap();
    }

    #[test]
    fn why_it_failed_is_what_it_said_last() {
        let host = Host::new(&[]);
        let said = |line: &str| host.run(&["sh", "-c", line], Output::Kept).unwrap().said();
        assert_eq!(said("echo out; echo 'E: a' >&2; echo b >&2; exit 1"), "E: a; b");
        assert_eq!(said("echo only; exit 1"), "only");
        assert_eq!(said("exit 7"), "it ended with code 7");
        assert!(
            host.run(&["no-such-program"], Output::Kept)
                .unwrap_err()
                .contains("was not found")
        );
    }
}
