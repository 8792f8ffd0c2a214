//! What uses an agent or a host group, as far as the one who asks may know it.

use postern_domain::permission::Permission;
use postern_store::agents::Use;

use crate::{http::Caller, named};

/// `schedule nightly (7), group webs (3)`. Of what the caller may not see only the number is told.
pub(super) fn told(caller: &Caller, users: &[Use]) -> String {
    let seen = |user: &&Use| {
        let needed = match user.kind.as_str() {
            "group" => Permission::AgentsView,
            _ => Permission::JobsView,
        };
        user.place()
            .is_some_and(|place| caller.rights.allow(needed, place))
    };
    let name = |user: &Use| format!("{} {} ({})", user.kind, user.name, user.id);
    let mut names: Vec<String> = users.iter().filter(seen).map(name).collect();
    named::and_hidden(&mut names, users.len());
    names.join(", ")
}
