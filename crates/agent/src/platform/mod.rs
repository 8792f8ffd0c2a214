//! What differs between operating systems.

mod cgroup;
mod linux;

pub(crate) use cgroup::Cgroup;
pub(crate) use linux::{boot_id, descendants, die_with_parent, home, marked, os_name, random_mark};
