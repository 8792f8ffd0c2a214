//! What the agent tells about its host.

use nix::unistd::{geteuid, gethostname};
use postern_protocol::messages::HostFacts;

use crate::{jobs, platform};

pub(crate) fn facts(slots: u32) -> HostFacts {
    HostFacts {
        agent_version: env!("CARGO_PKG_VERSION").into(),
        hostname: gethostname()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        os: platform::os_name(),
        arch: std::env::consts::ARCH.into(),
        languages: jobs::languages(),
        root: geteuid().is_root(),
        slots,
        sealing_key: None,
    }
}
