//! What a process costs, as the kernel counts it (proc(5)).

use std::{fs, time::Duration};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::spread::round;

/// Kibibytes.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Memory {
    pub(crate) rss_kib: u64,
    /// The most it ever was.
    pub(crate) peak_rss_kib: u64,
    /// The part that is not backed by a file, such as the program itself.
    pub(crate) anonymous_kib: u64,
}

pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let field = |name: &str| {
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value
            .and_then(|value| value.trim().trim_end_matches(" kB").parse().ok())
            .with_context(|| format!("no {name} in {path}"))
    };
    Ok(Memory {
        rss_kib: field("VmRSS")?,
        peak_rss_kib: field("VmHWM")?,
        anonymous_kib: field("RssAnon")?,
    })
}

/// Time on a CPU so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    pub(crate) own: Duration,
    /// Of children that have ended and were waited for, and of theirs.
    pub(crate) children: Duration,
}

impl Cpu {
    pub(crate) fn total(self) -> Duration {
        self.own + self.children
    }
}

/// In steps of 10 ms; threads that have ended are counted.
pub(crate) fn cpu(pid: u32) -> Result<Cpu> {
    let stat = Stat::read(pid)?;
    Ok(Cpu {
        own: stat.ticks(11) + stat.ticks(12),
        children: stat.ticks(13) + stat.ticks(14),
    })
}

/// To the nanosecond, of the threads that live now: for processes that do almost nothing.
pub(crate) fn cpu_of_threads(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/task");
    let mut total = Duration::ZERO;
    for thread in fs::read_dir(&path).with_context(|| format!("cannot read {path}"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse().ok());
        total += Duration::from_nanos(nanoseconds.context("schedstat starts with a number")?);
    }
    Ok(total)
}

pub(crate) fn parent(pid: u32) -> Result<u32> {
    Stat::read(pid)?
        .field(1)
        .parse()
        .context("a process has a parent")
}

/// A process with everything it started: a database server has a process per connection, an agent its launcher.
pub(crate) fn cpu_of_family(parent_pid: u32) -> Result<Duration> {
    let mut total = cpu(parent_pid)?.total();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may end while it is looked at; then its parent counts it.
        if parent(pid).is_ok_and(|parent| parent == parent_pid) {
            total += cpu(pid).map_or(Duration::ZERO, Cpu::total);
        }
    }
    Ok(total)
}

/// Share of one core, in percent.
pub(crate) fn percent(cpu: Duration, wall: Duration) -> f64 {
    round(cpu.as_secs_f64() / wall.as_secs_f64() * 100.0)
}

/// `/proc/PID/stat` behind the program's name, which may hold anything.
struct Stat(String);

impl Stat {
    fn read(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/stat");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let (_, rest) = text
            .rsplit_once(')')
            .context("a stat line has a name in brackets")?;
        Ok(Self(rest.to_owned()))
    }

    /// Counted from the process's state, the third field of the manual.
    fn field(&self, index: usize) -> &str {
        self.0.split_whitespace().nth(index).unwrap_or_default()
    }

    /// The kernel counts in hundredths of a second towards programs, on every architecture Postern is built for.
    fn ticks(&self, index: usize) -> Duration {
        Duration::from_millis(self.field(index).parse::<u64>().unwrap_or(0) * 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_cost() {
        let pid = std::process::id();
        let memory = memory(pid).unwrap();
        assert!(memory.peak_rss_kib >= memory.rss_kib && memory.rss_kib > memory.anonymous_kib);
        let mut number = 1_u64;
        while cpu(pid).unwrap().own < Duration::from_millis(20) {
            for _ in 0..100_000 {
                number = std::hint::black_box(number.wrapping_mul(31));
            }
        }
        assert!(cpu_of_threads(pid).unwrap() >= Duration::from_millis(10));
        assert!(parent(pid).unwrap() > 0);
    }

    #[test]
    fn a_share_of_one_core() {
        let minute = Duration::from_secs(60);
        assert!((percent(Duration::from_millis(60), minute) - 0.1).abs() < 1e-9);
    }
}
