//! What differs between operating systems.

mod account;
mod cgroup;
mod limits;
mod linux;

pub(crate) use account::{Account, become_account};
pub(crate) use cgroup::Cgroup;
pub(crate) use linux::{boot_id, descendants, die_with_parent, home, marked, os_name, random_mark};
