//! Who may run an action, and so who may change it and repeat what it ran. Asked here by all rooms: jobs know nothing of
//! the room that keeps actions.

use postern_api::actions::ActionDefinition;
use postern_domain::{member::Member, permission::Permission};
use postern_store::{
    Tx,
    jobs::executions::ActionRun,
    scripts::actions::{self, Action},
};

use crate::{
    error::{Error, Result},
    http::Caller,
};

/// What its draft or one of its versions says.
pub(crate) fn definition_of(action: &Action, text: &str) -> Result<ActionDefinition> {
    serde_json::from_str(text)
        .map_err(|error| Error::Internal(format!("action {} in the database: {error}", action.id)))
}

/// Whether the caller is among those who may run it.
pub(crate) fn may_run(caller: &Caller, action: &Action, definition: &ActionDefinition) -> bool {
    let Ok(user) = caller.user() else { return false };
    let place = action.place();
    definition.runners.is_empty()
        || definition
            .runners
            .iter()
            .filter_map(|runner| runner.parse::<Member>().ok())
            .any(|member| member.is(user.id, &caller.rights, place))
}

pub(crate) fn check_run(caller: &Caller, action: &Action, definition: &ActionDefinition) -> Result<()> {
    if may_run(caller, action, definition) {
        return Ok(());
    }
    Err(refusal(format!(
        "Action {:?} may be run by {} only. Ask one of them, or have the action changed.",
        action.name,
        definition.runners.join(", ")
    )))
}

/// What is deployed and the draft both count: each has secrets, and each can be run.
pub(crate) fn check_change(caller: &Caller, action: &Action) -> Result<()> {
    for text in action.deployed.iter().chain([&action.draft]) {
        check_change_of(caller, action, text)?;
    }
    Ok(())
}

/// By what this draft or version says. Whoever gives out the rights at its place may change an action that they may not
/// run: else one whose runners are gone could not be mended.
pub(crate) fn check_change_of(caller: &Caller, action: &Action, text: &str) -> Result<()> {
    let definition = definition_of(action, text)?;
    if may_run(caller, action, &definition) || caller.rights.allow(Permission::UsersManage, action.place()) {
        return Ok(());
    }
    Err(refusal(format!(
        "Action {:?} may be changed only by those who may run it ({}), and by whoever has the permission \
         {} there. Ask one of them.",
        action.name,
        definition.runners.join(", "),
        Permission::UsersManage
    )))
}

/// What this action ran is to be run again: that is for those who may run the action as it is deployed now, or its draft
/// where that was tried.
pub(crate) async fn check_again(tx: &mut Tx<'_>, caller: &Caller, action: Option<ActionRun>) -> Result<()> {
    let Some((id, version)) = action else {
        return Ok(());
    };
    // An action that is gone says no more whom it was for: then the right to run jobs is enough.
    let Some(action) = actions::find_to_run(tx, id).await? else {
        return Ok(());
    };
    let deployed = action.deployed.as_deref().filter(|_| version.is_some());
    let text = deployed.unwrap_or(&action.draft);
    let definition = definition_of(&action, text)?;
    if caller.rights.allow(Permission::JobsView, action.place()) || may_run(caller, &action, &definition) {
        return check_run(caller, &action, &definition);
    }
    let detail = "This is of an action that is for others and hidden from you. Ask whoever ran it.";
    Err(refusal(detail.into()))
}

/// Whether [`check_again`] lets it.
pub(crate) async fn may_repeat(tx: &mut Tx<'_>, caller: &Caller, action: Option<ActionRun>) -> Result<bool> {
    match check_again(tx, caller, action).await {
        Ok(()) => Ok(true),
        Err(Error::ForbiddenBecause { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

const fn refusal(detail: String) -> Error {
    Error::ForbiddenBecause {
        code: "not_a_runner",
        detail,
    }
}
