//! Where the repository lies and which files belong to it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

/// Folders that hold what tools produced; used only where there is no git to ask.
const PRODUCED: [&str; 5] = [".git", "target", "node_modules", "dist", "test-results"];

#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
}

impl Workspace {
    /// xtask is built inside the repository it works on, so the place is known when it is compiled.
    pub(crate) fn locate() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest
            .parent()
            .context("xtask lies in a folder of the repository")?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    pub(crate) fn target(&self, relative: &str) -> PathBuf {
        let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        self.root.join(folder).join(relative)
    }

    /// A command that starts in the repository's root. Cargo sets variables for xtask itself that would confuse a
    /// cargo started from it, hence the removals.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }

    pub(crate) fn cargo(&self) -> Command {
        self.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    pub(crate) fn git(&self) -> Command {
        self.command("git")
    }

    /// Every file of the repository, relative, sorted, with forward slashes: what git tracks or would track.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut files = if self.path(".git").exists() {
            self.files_by_git()?
        } else {
            self.files_by_walk()?
        };
        files.sort_unstable();
        files.dedup();
        Ok(files)
    }

    fn files_by_git(&self) -> Result<Vec<String>> {
        let listing = process::capture(self.git().args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]))?;
        let names = listing.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Ok(names
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .filter(|name| self.path(name).is_file())
            .collect())
    }

    fn files_by_walk(&self) -> Result<Vec<String>> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            let entries =
                std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
            for entry in entries {
                let entry = entry?;
                let kind = entry.file_type()?;
                if kind.is_dir() && !PRODUCED.iter().any(|name| entry.file_name() == *name) {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    let path = entry.path();
                    let relative = path
                        .strip_prefix(&self.root)
                        .context("a walk stays inside its root")?;
                    files.push(relative.to_string_lossy().replace('\\', "/"));
                }
            }
        }
        Ok(files)
    }
}
