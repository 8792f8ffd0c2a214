//! `user_control` and `group_control`: local accounts of the host.

use serde::{Deserialize, Serialize};

use super::{PayloadError, check_account, error};
use crate::limits::ACCOUNTS;

/// One local user. A password travels as the secret `password`, never in here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UserControl {
    pub action: UserAction,
    pub user: String,
    /// `create`: the person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    /// `create`: the folder, `/home/<user>` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// `create`: the host's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// `create`: further groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// `create`: an account for a service: no home folder, a low id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub system: bool,
    /// `create`: give it a password. `reset_password` always does. Without a secret `password` one is drawn and
    /// shown once, in the answer that creates the jobs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub set_password: bool,
    /// `delete`: its home folder as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remove_home: bool,
    /// Also root and the agent's own user, which are refused otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UserAction {
    Create,
    Delete,
    Enable,
    Disable,
    ResetPassword,
}

impl UserAction {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::ResetPassword => "reset_password",
        }
    }
}

impl UserControl {
    /// Whether a secret `password` goes with it.
    pub fn takes_password(&self) -> bool {
        self.action == UserAction::ResetPassword || (self.action == UserAction::Create && self.set_password)
    }

    pub(super) fn summary(&self) -> String {
        match self.action {
            UserAction::ResetPassword => format!("reset the password of {}", self.user),
            action => format!("{} user {}", action.as_str(), self.user),
        }
    }

    pub(super) fn check(&self) -> Result<(), PayloadError> {
        check_account("user", &self.user)?;
        let create = self.action == UserAction::Create;
        let only_create = [
            ("full_name", self.full_name.is_some()),
            ("home", self.home.is_some()),
            ("shell", self.shell.is_some()),
            ("groups", !self.groups.is_empty()),
            ("system", self.system),
            ("set_password", self.set_password),
        ];
        if let Some((field, _)) = only_create.iter().find(|(_, given)| *given && !create) {
            return Err(error(*field, "is for the action create only"));
        }
        if self.remove_home && self.action != UserAction::Delete {
            return Err(error("remove_home", "is for the action delete only"));
        }
        if let Some(name) = &self.full_name
            && (name.len() > 200 || name.contains([':', ',']) || name.chars().any(char::is_control))
        {
            let problem = "must have at most 200 bytes and no ':', ',' or control characters";
            return Err(error("full_name", problem));
        }
        for (field, path) in [("home", &self.home), ("shell", &self.shell)] {
            if let Some(path) = path
                && (!path.starts_with('/')
                    || path.len() > 1024
                    || path.contains(':')
                    || path.chars().any(char::is_control))
            {
                return Err(error(field, "is not an absolute path"));
            }
        }
        check_accounts("groups", &self.groups)
    }
}

/// One local group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GroupControl {
    pub action: GroupAction,
    pub group: String,
    /// `add_members`, `remove_members`: names of users. `create`: the first ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// `create`: a group for a service, with a low id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub system: bool,
    /// Also the groups of root and of the agent's own user, which are refused otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GroupAction {
    Create,
    Delete,
    AddMembers,
    RemoveMembers,
}

impl GroupAction {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::AddMembers => "add_members",
            Self::RemoveMembers => "remove_members",
        }
    }
}

impl GroupControl {
    pub(super) fn summary(&self) -> String {
        let (group, members) = (&self.group, self.members.join(", "));
        match self.action {
            GroupAction::Create => format!("create group {group}"),
            GroupAction::Delete => format!("delete group {group}"),
            GroupAction::AddMembers => format!("add {members} to group {group}"),
            GroupAction::RemoveMembers => format!("remove {members} from group {group}"),
        }
    }

    pub(super) fn check(&self) -> Result<(), PayloadError> {
        check_account("group", &self.group)?;
        match self.action {
            GroupAction::AddMembers | GroupAction::RemoveMembers if self.members.is_empty() => {
                return Err(error("members", "is empty: name at least one user"));
            }
            GroupAction::Delete if !self.members.is_empty() => {
                return Err(error("members", "means nothing when a group is deleted"));
            }
            _ => {}
        }
        if self.system && self.action != GroupAction::Create {
            return Err(error("system", "is for the action create only"));
        }
        check_accounts("members", &self.members)
    }
}

fn check_accounts(field: &str, names: &[String]) -> Result<(), PayloadError> {
    if names.len() > ACCOUNTS {
        return Err(error(field, format!("has more than {ACCOUNTS} names")));
    }
    names
        .iter()
        .enumerate()
        .try_for_each(|(index, name)| check_account(&format!("{field}[{index}]"), name))
}
