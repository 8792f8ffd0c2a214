//! Two routers and a host behind them, in network namespaces of their own, for what loopback cannot show.
//!
//! `near` ── 10.231.1.0/24 ── `middle` ── 10.231.2.0/24 ── `far`, and the same with IPv6. Made with `ip`, which needs
//! root; where it cannot be made, the test says so and ends.

use std::{fs::File, process::Command};

use nix::{
    libc,
    sched::{CloneFlags, setns},
};

#[derive(Debug)]
pub(super) struct Network {
    names: [String; 3],
}

impl Network {
    pub(super) fn make(test: &str) -> Option<Self> {
        let name = |part: &str| format!("pt-{}-{test}-{part}", std::process::id());
        let network = Self {
            names: ["near", "middle", "far"].map(name),
        };
        match network.set_up() {
            Ok(()) => Some(network),
            Err(reason) => {
                println!("skipped: no network namespaces can be made here: {reason}");
                None
            }
        }
    }

    fn set_up(&self) -> Result<(), String> {
        let [near, middle, far] = &self.names;
        for name in &self.names {
            ip(&format!("netns add {name}"))?;
            ip(&format!("-n {name} link set lo up"))?;
        }
        // Otherwise an IPv6 address is not used for its first second.
        for number in 0..self.names.len() {
            self.set(number, "ipv6/conf/default/accept_dad", "0")?;
        }
        for (left, right, subnet) in [(near, middle, 1), (middle, far, 2)] {
            let (a, b) = (format!("r{subnet}"), format!("l{subnet}"));
            ip(&format!(
                "-n {left} link add {a} type veth peer name {b} netns {right}"
            ))?;
            for (name, link, last) in [(left, &a, 1), (right, &b, 2)] {
                ip(&format!(
                    "-n {name} addr add 10.231.{subnet}.{last}/24 dev {link}"
                ))?;
                ip(&format!(
                    "-n {name} addr add fd31:{subnet}::{last}/64 dev {link} nodad"
                ))?;
                ip(&format!("-n {name} link set {link} up"))?;
            }
        }
        for (name, via) in [(near, "1::2"), (far, "2::1")] {
            let (subnet, last) = via.split_once("::").unwrap_or_default();
            ip(&format!("-n {name} route add default via 10.231.{subnet}.{last}"))?;
            ip(&format!(
                "-n {name} -6 route add default via fd31:{subnet}::{last}"
            ))?;
        }
        self.set(1, "ipv4/ip_forward", "1")?;
        self.set(1, "ipv6/conf/all/forwarding", "1")
    }

    fn set(&self, number: usize, setting: &str, value: &str) -> Result<(), String> {
        let path = format!("/proc/sys/net/{setting}");
        self.inside(number, || std::fs::write(&path, value))
            .map_err(|error| format!("{path}: {error}"))
    }

    /// Runs on a thread that is in the first of them.
    pub(super) fn near<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.inside(0, work)
    }

    /// The same, without any right of root.
    #[allow(
        unsafe_code,
        reason = "the library's call would change the user of every thread of the test"
    )]
    pub(super) fn near_as_nobody<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        const NOBODY: libc::uid_t = 65534;
        self.near(|| {
            // SAFETY: takes numbers only, and the thread ends with the work.
            let changed = unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
            assert_eq!(changed, 0);
            work()
        })
    }

    fn inside<T: Send>(&self, number: usize, work: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.names[number]);
        std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    setns(File::open(path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
                    work()
                })
                .join()
                .unwrap()
        })
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip")
        .args(arguments.split(' '))
        .output()
        .map_err(|error| format!("ip: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!(
            "ip {arguments}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))
    }
}
