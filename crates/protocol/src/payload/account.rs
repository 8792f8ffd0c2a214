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
    /// Also root and the agent's own user, and for `create` their groups, which are refused otherwise.
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::limits::ACCOUNTS;
    use crate::payload::{
        PASSWORD,
        tests::{bad, good, unreadable},
    };

    const USER: &str = "user_control";
    const GROUP: &str = "group_control";

    fn user(action: &str, field: &str, value: Value) -> Value {
        let mut payload = json!({"action": action, "user": "anna"});
        payload[field] = value;
        payload
    }

    fn group(action: &str, members: Value) -> Value {
        json!({"action": action, "group": "web", "members": members})
    }

    #[test]
    fn each_action_on_a_user_has_its_word() {
        for (action, summary) in [
            ("create", "create user anna"),
            ("delete", "delete user anna"),
            ("enable", "enable user anna"),
            ("disable", "disable user anna"),
            ("reset_password", "reset the password of anna"),
        ] {
            assert_eq!(
                good(USER, &json!({"action": action, "user": "anna"})).summary(),
                summary
            );
        }
        unreadable(USER, &json!({"action": "lock", "user": "anna"}));
    }

    #[test]
    fn names_are_those_of_accounts() {
        for name in [
            "a",
            "www-data",
            "_apt",
            "j.doe",
            "u1",
            "systemd-network",
            &"a".repeat(32),
        ] {
            good(USER, &json!({"action": "delete", "user": name}));
            good(GROUP, &json!({"action": "delete", "group": name}));
        }
        let long = "a".repeat(33);
        for name in [
            "", "-r", "a b", "a:b", "a/b", "a\n", "ä", "1000", "..", ".", "root,x", &long,
        ] {
            bad(USER, &json!({"action": "delete", "user": name}), "user");
            bad(GROUP, &json!({"action": "delete", "group": name}), "group");
        }
    }

    #[test]
    fn what_makes_a_new_user_is_for_create_only() {
        for (field, value) in [
            ("full_name", json!("Anna B")),
            ("home", json!("/srv/anna")),
            ("shell", json!("/bin/bash")),
            ("groups", json!(["web"])),
            ("system", json!(true)),
            ("set_password", json!(true)),
        ] {
            good(USER, &user("create", field, value.clone()));
            for action in ["delete", "enable", "disable", "reset_password"] {
                bad(USER, &user(action, field, value.clone()), field);
            }
        }
        good(USER, &user("delete", "remove_home", json!(true)));
        bad(USER, &user("create", "remove_home", json!(true)), "remove_home");
        good(USER, &user("disable", "force", json!(true)));
    }

    #[test]
    fn values_that_go_into_the_list_of_users_cannot_break_it() {
        good(USER, &user("create", "full_name", json!("x".repeat(200))));
        for name in ["a:b", "a,b", "a\nroot", &"x".repeat(201)] {
            bad(USER, &user("create", "full_name", json!(name)), "full_name");
        }
        for field in ["home", "shell"] {
            good(
                USER,
                &user("create", field, json!(format!("/{}", "x".repeat(1023)))),
            );
            for path in ["", "srv", "/a:b", "/a\n", &format!("/{}", "x".repeat(1024))] {
                bad(USER, &user("create", field, json!(path)), field);
            }
        }
    }

    #[test]
    fn a_password_is_a_secret_and_never_in_the_payload() {
        for (payload, expected) in [
            (json!({"action": "reset_password", "user": "anna"}), true),
            (user("create", "set_password", json!(true)), true),
            (json!({"action": "create", "user": "anna"}), false),
            (json!({"action": "enable", "user": "anna"}), false),
        ] {
            let secrets = good(USER, &payload).secrets().contains(&PASSWORD);
            assert_eq!(secrets, expected, "{payload}");
        }
        unreadable(USER, &user("create", "password", json!("hunter2")));
        unreadable(
            GROUP,
            &json!({"action": "create", "group": "web", "password": "x"}),
        );
    }

    #[test]
    fn members_are_counted_and_named() {
        for action in ["create", "add_members", "remove_members"] {
            good(GROUP, &group(action, json!(vec!["anna"; ACCOUNTS])));
            bad(
                GROUP,
                &group(action, json!(vec!["anna"; ACCOUNTS + 1])),
                "members",
            );
            bad(GROUP, &group(action, json!(["anna", "-x"])), "members[1]");
        }
        bad(
            GROUP,
            &json!({"action": "add_members", "group": "web"}),
            "members",
        );
        bad(
            GROUP,
            &json!({"action": "remove_members", "group": "web"}),
            "members",
        );
        bad(GROUP, &group("delete", json!(["anna"])), "members");
        good(USER, &user("create", "groups", json!(vec!["web"; ACCOUNTS])));
        bad(
            USER,
            &user("create", "groups", json!(vec!["web"; ACCOUNTS + 1])),
            "groups",
        );
        bad(USER, &user("create", "groups", json!(["web", ""])), "groups[1]");
    }

    #[test]
    fn a_group_for_a_service_is_made_and_not_changed_into_one() {
        good(
            GROUP,
            &json!({"action": "create", "group": "web", "system": true}),
        );
        bad(
            GROUP,
            &json!({"action": "delete", "group": "web", "system": true}),
            "system",
        );
        good(GROUP, &json!({"action": "delete", "group": "web", "force": true}));
    }

    #[test]
    fn each_action_on_a_group_has_its_word() {
        for (payload, summary) in [
            (json!({"action": "create", "group": "web"}), "create group web"),
            (json!({"action": "delete", "group": "web"}), "delete group web"),
            (
                group("add_members", json!(["anna", "ben"])),
                "add anna, ben to group web",
            ),
            (
                group("remove_members", json!(["ben"])),
                "remove ben from group web",
            ),
        ] {
            let payload = good(GROUP, &payload);
            assert_eq!(payload.summary(), summary);
            assert!(payload.secrets().is_empty());
        }
    }
}
