//! `postern job user …` and `postern job group …`

use clap::{Args, Subcommand};
use postern_protocol::payload::{self, GroupAction, GroupControl, UserControl};

use super::{RunOptions, Word, words};

#[derive(Debug, Subcommand)]
pub(crate) enum UserAction {
    /// Create a user
    #[command(after_long_help = "For example:\n  \
                                 postern job user create anna --full-name 'Anna B' --member-of web --agent web1\n  \
                                 postern job user create backup --system --label role=db")]
    Create(Create),
    /// Delete a user
    Delete {
        #[command(flatten)]
        user: User,
        /// Its home folder as well
        #[arg(long)]
        remove_home: bool,
    },
    /// Let a user sign in with its password again
    Enable(User),
    /// Keep a user from signing in with its password
    Disable(User),
    /// Give a user a new password: drawn, and shown once
    ResetPassword(User),
}

#[derive(Debug, Args)]
pub(crate) struct User {
    /// Name to sign in with on the host
    name: String,
    /// Also root and the agent's own user, and groups of theirs
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    options: RunOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(flatten)]
    user: User,
    /// The person's name
    #[arg(long, value_name = "TEXT")]
    full_name: Option<String>,
    /// Folder [default: one of its name, where the host keeps them]
    #[arg(long, value_name = "FOLDER")]
    home: Option<String>,
    /// Program to sign in with [default: the host's]
    #[arg(long, value_name = "PROGRAM")]
    shell: Option<String>,
    /// A further group; may be given several times
    #[arg(long, value_name = "GROUP")]
    member_of: Vec<String>,

    /// For a service: no home folder, a low id
    #[arg(long)]
    system: bool,
    /// Give it a password: drawn, and shown once
    #[arg(long)]
    set_password: bool,
}

impl UserAction {
    pub(super) fn options(&self) -> &RunOptions {
        &self.user().options
    }

    fn user(&self) -> &User {
        match self {
            Self::Create(create) => &create.user,
            Self::Delete { user, .. }
            | Self::Enable(user)
            | Self::Disable(user)
            | Self::ResetPassword(user) => user,
        }
    }

    pub(super) fn work(&self) -> UserControl {
        let (user, action) = (self.user(), self.action());
        let plain = UserControl {
            action,
            user: user.name.clone(),
            full_name: None,
            home: None,
            shell: None,
            groups: Vec::new(),
            system: false,
            set_password: false,
            remove_home: false,
            force: user.force,
        };
        match self {
            Self::Create(create) => UserControl {
                full_name: create.full_name.clone(),
                home: create.home.clone(),
                shell: create.shell.clone(),
                groups: create.member_of.clone(),
                system: create.system,
                set_password: create.set_password,
                ..plain
            },
            Self::Delete { remove_home, .. } => UserControl {
                remove_home: *remove_home,
                ..plain
            },
            Self::Enable(_) | Self::Disable(_) | Self::ResetPassword(_) => plain,
        }
    }

    const fn action(&self) -> payload::UserAction {
        match self {
            Self::Create(_) => payload::UserAction::Create,
            Self::Delete { .. } => payload::UserAction::Delete,
            Self::Enable(_) => payload::UserAction::Enable,
            Self::Disable(_) => payload::UserAction::Disable,
            Self::ResetPassword(_) => payload::UserAction::ResetPassword,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Group {
    /// What to do
    #[arg(value_name = "ACTION", value_parser = words(&GROUP_ACTIONS))]
    action: GroupAction,
    /// Name of the group
    name: String,
    /// Members: to add or to remove; the first ones of a new group
    #[arg(value_name = "USER")]
    members: Vec<String>,
    /// create: for a service, with a low id
    #[arg(long)]
    system: bool,
    /// Also the groups of root and of the agent's own user
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    pub(super) options: RunOptions,
}

const GROUP_ACTIONS: [Word<GroupAction>; 4] = [
    Word("create", GroupAction::Create, "make it"),
    Word("delete", GroupAction::Delete, "take it away; its members stay"),
    Word("add", GroupAction::AddMembers, "put users into it"),
    Word("remove", GroupAction::RemoveMembers, "take users out of it"),
];

impl Group {
    pub(super) fn work(&self) -> GroupControl {
        GroupControl {
            action: self.action,
            group: self.name.clone(),
            members: self.members.clone(),
            system: self.system,
            force: self.force,
        }
    }
}
