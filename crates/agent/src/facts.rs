//! What the agent tells about its host.

use nix::unistd::{geteuid, gethostname};
use postern_protocol::messages::HostFacts;

use crate::{jobs, platform};

/// `sealing_key` is the public half.
pub(crate) fn facts(slots: u32, sealing_key: String) -> HostFacts {
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
        sealing_key: Some(sealing_key),
    }
}
