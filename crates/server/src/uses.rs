//! What uses an object, as far as the one who asks may know it.

use postern_api::uses::NamedUser;
use postern_domain::permission::Permission;
use postern_store::uses::Use;

use crate::{http::Caller, named};

/// Those that the caller may see.
pub(crate) fn seen(caller: &Caller, users: &[Use]) -> Vec<NamedUser> {
    let may_see = |user: &&Use| {
        let needed = match user.kind.as_str() {
            "group" => Permission::AgentsView,
            "script" => Permission::ScriptsView,
            "workflow" => Permission::WorkflowsView,
            _ => Permission::JobsView,
        };
        user.place()
            .is_some_and(|place| caller.rights.allow(needed, place))
    };
    let named = |user: &Use| NamedUser {
        kind: user.kind.clone(),
        id: user.id,
        name: user.name.clone(),
    };
    users.iter().filter(may_see).map(named).collect()
}

/// `schedule nightly (7), group webs (3)`. Of what the caller may not see only the number is told.
pub(crate) fn told(caller: &Caller, users: &[Use]) -> String {
    let mut names: Vec<String> = seen(caller, users)
        .iter()
        .map(|user| format!("{} {} ({})", user.kind, user.name, user.id))
        .collect();
    named::and_hidden(&mut names, users.len());
    names.join(", ")
}
