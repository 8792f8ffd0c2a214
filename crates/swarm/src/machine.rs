//! What the figures were measured on. A figure without its machine says nothing.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    time::Instant,
};

use anyhow::Result;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::Serialize;

use crate::spread::Spread;

const SYNCS: usize = 50;

#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) model: String,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    /// One write of 4 KiB and its fdatasync, where the databases lie.
    pub(crate) sync_ms: Option<Spread>,
}

pub(crate) fn look(folder: &Path) -> Result<Machine> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let memory = after(&read("/proc/meminfo"), "MemTotal");
    let kib: u64 = memory.trim_end_matches(" kB").parse().unwrap_or(0);
    Ok(Machine {
        cores: std::thread::available_parallelism()?.get(),
        model: after(&read("/proc/cpuinfo"), "model name"),
        memory_mib: kib / 1024,
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        sync_ms: sync_times(folder)?,
    })
}

fn sync_times(folder: &Path) -> Result<Option<Spread>> {
    let path = folder.join("sync");
    let mut file = File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    fs::remove_file(&path)?;
    Ok(Spread::of(times))
}

/// How busy the machine is with other things: the first figure of `/proc/loadavg`.
pub(crate) fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split_whitespace().next();
    first.and_then(|word| word.parse().ok()).unwrap_or(-1.0)
}

/// As many open files as the system allows, for us and for what we start.
pub(crate) fn raise_open_files() -> Result<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(hard)
}
