//! `postern user …`, `postern password …` and `postern role …`

use clap::{Args, Subcommand};
use postern_api::identity::{BindingCreate, PasswordChange, User, UserCreate, UserUpdate};
use postern_client::IdempotencyKey;
use postern_domain::{
    BindingId,
    permission::{Role, Scope},
};

use super::{
    list::{ListArguments, closing},
    login::{read_secret, read_secrets},
};
use crate::{
    clock,
    context::Context,
    failure::Failure,
    lookup,
    output::{Console, Tone},
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user; the password is asked for
    Create(Create),
    /// List users
    List {
        #[command(flatten)]
        list: ListArguments,
        /// Only those who can sign in, or cannot: true, false
        #[arg(long, value_name = "BOOL")]
        active: Option<bool>,
    },
    /// Show one user and their roles
    Show {
        /// Name or id
        user: String,
    },
    /// Change a user's display name, e-mail address or password, or switch them off
    Update(Update),
    /// Delete a user
    Delete {
        /// Name or id
        user: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Give a user a role at a scope
    Grant {
        /// Name or id
        user: String,
        #[command(flatten)]
        binding: BindingArguments,
    },
    /// Take a role at a scope from a user
    RevokeRole {
        /// Name or id
        user: String,
        #[command(flatten)]
        binding: BindingArguments,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    /// List the built-in roles and their permissions
    List,
}

#[derive(Debug, Args)]
pub(crate) struct BindingArguments {
    /// One of `postern role list`
    #[arg(long)]
    role: Role,
    /// cluster, tenant:ID, organization:NAME or department:NAME
    #[arg(long)]
    scope: String,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Name to sign in with
    username: String,
    /// Name to show
    #[arg(long, value_name = "NAME", default_value = "")]
    display_name: String,
    /// Where messages for them go
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Read the password from standard input instead of asking
    #[arg(long)]
    password_stdin: bool,
    /// Give this role, at --scope
    #[arg(long, requires = "scope")]
    role: Option<Role>,
    /// Where the role holds: cluster, tenant:ID, organization:NAME or department:NAME
    #[arg(long, requires = "role")]
    scope: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Name or id
    user: String,
    /// Name to show
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Where messages for them go; empty for nowhere
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Whether they can sign in; false ends their sessions and tokens at once
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
    /// Ask for a new password; it ends the user's sessions
    #[arg(long, conflicts_with = "password_stdin")]
    password: bool,
    /// Read a new password from standard input
    #[arg(long)]
    password_stdin: bool,
}

pub(crate) async fn run(command: UserCommand, context: &Context<'_>) -> Result<(), Failure> {
    let console = context.console;
    match command {
        UserCommand::Create(create) => user_create(create, context).await,
        UserCommand::List { list, active } => user_list(&list, active, context).await,
        UserCommand::Show { user } => {
            let user = lookup::user(&context.client, &user).await?;
            console.answer(&user, |user| print_user(user, console))
        }
        UserCommand::Update(update) => user_update(update, context).await,
        UserCommand::Delete { user, yes } => {
            let user = lookup::user(&context.client, &user).await?;
            console.confirm(&format!("Delete user {} ({})?", user.username, user.id), yes)?;
            context.client.user_delete(user.id).await?;
            if !console.is_json() {
                console.say(&format!("user {} is deleted", user.username));
            }
            Ok(())
        }
        UserCommand::Grant { user, binding } => binding_create(&user, &binding, context).await,
        UserCommand::RevokeRole { user, binding, yes } => binding_delete(&user, &binding, yes, context).await,
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum PasswordCommand {
    /// Change your own password; it ends your sessions, not your API tokens
    Change(Change),
}

#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Read the current password and the new one from standard input, a line each
    #[arg(long)]
    password_stdin: bool,
}

pub(crate) async fn password_change(change: &Change, context: &Context<'_>) -> Result<(), Failure> {
    let console = context.console;
    let (current_password, new_password) = if change.password_stdin {
        let mut lines = read_secrets()?.into_iter();
        match (lines.next(), lines.next()) {
            (Some(current), Some(new)) => (current, new),
            _ => {
                return Err(Failure::usage(
                    "two lines were expected on standard input: the current password and the new one",
                ));
            }
        }
    } else if console.can_ask() {
        (
            console.ask_password("Current password")?,
            new_password(false, console)?,
        )
    } else {
        return Err(Failure::usage(
            "there is no terminal to ask for a password: give --password-stdin",
        ));
    };
    let request = PasswordChange {
        current_password,
        new_password,
    };
    context.client.password_change(&request).await?;
    if !console.is_json() {
        console.say("your password is changed; your sessions have ended");
    }
    Ok(())
}

fn new_password(from_stdin: bool, console: &Console) -> Result<String, Failure> {
    if from_stdin {
        return read_secret();
    }
    if !console.can_ask() {
        return Err(Failure::usage(
            "there is no terminal to ask for a password: give --password-stdin",
        ));
    }
    let first = console.ask_password("New password")?;
    if first != console.ask_password("Once more")? {
        return Err(Failure::usage("the two passwords differ: nothing was changed"));
    }
    Ok(first)
}

async fn user_create(create: Create, context: &Context<'_>) -> Result<(), Failure> {
    let bindings = match (create.role, &create.scope) {
        (Some(role), Some(scope)) => vec![BindingCreate {
            role,
            scope: lookup::scope(&context.client, scope).await?,
        }],
        _ => Vec::new(),
    };
    let request = UserCreate {
        username: create.username,
        password: new_password(create.password_stdin, context.console)?,
        display_name: create.display_name,
        email: create.email,
        bindings,
    };
    let user = context
        .client
        .user_create(&request, &IdempotencyKey::random())
        .await?;
    context
        .console
        .answer(&user, |user| print_user(user, context.console))
}

async fn user_list(list: &ListArguments, active: Option<bool>, context: &Context<'_>) -> Result<(), Failure> {
    let active: Vec<String> = active.iter().map(ToString::to_string).collect();
    let request = list.request(&[("active", &active)]);
    let page = context.client.user_list_all(&request, list.limit()).await?;
    context.console.answer(&page, |page| {
        let now = clock::now();
        let plain = |text: String| (text, Tone::Plain);
        let rows = page.items.iter().map(|user| {
            vec![
                plain(user.id.to_string()),
                plain(user.username.clone()),
                plain(user.display_name.clone()),
                if user.active {
                    plain("yes".into())
                } else {
                    ("no".into(), Tone::Busy)
                },
                plain(roles(user)),
                plain(
                    user.last_sign_in_at
                        .map_or("never".into(), |time| words::relative(time, now)),
                ),
            ]
        });
        if !page.items.is_empty() {
            context.console.table(
                &["ID", "USER", "NAME", "ACTIVE", "ROLES", "LAST SIGN-IN"],
                rows.collect(),
            );
        }
        closing(context.console, page, "users");
    })
}

fn roles(user: &User) -> String {
    user.bindings
        .iter()
        .map(|binding| format!("{}@{}", binding.role, scope(binding.scope)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn scope(scope: Scope) -> String {
    match scope {
        Scope::Cluster => "cluster".to_owned(),
        Scope::Tenant(id) => format!("tenant:{id}"),
        Scope::Organization(id) => format!("organization:{id}"),
        Scope::Department(id) => format!("department:{id}"),
    }
}

fn print_user(user: &User, console: &Console) {
    let now = clock::now();
    console.fields(&[
        ("id", user.id.to_string()),
        ("user", user.username.clone()),
        ("name", user.display_name.clone()),
        ("e-mail", user.email.clone().unwrap_or_default()),
        ("tenant", user.tenant_id.to_string()),
        (
            "active",
            if user.active { "yes" } else { "no: cannot sign in" }.to_owned(),
        ),
        ("roles", roles(user)),
        ("created", words::absolute(user.created_at, now)),
        (
            "last sign-in",
            user.last_sign_in_at
                .map_or("never".into(), |time| words::absolute(time, now)),
        ),
    ]);
}

async fn user_update(update: Update, context: &Context<'_>) -> Result<(), Failure> {
    let user = lookup::user(&context.client, &update.user).await?;
    let password = if update.password || update.password_stdin {
        Some(new_password(update.password_stdin, context.console)?)
    } else {
        None
    };
    let request = UserUpdate {
        display_name: update.display_name,
        email: update.email,
        active: update.active,
        password,
    };
    if request == UserUpdate::default() {
        return Err(Failure::usage(
            "nothing to change: give --display-name, --email, --active, --password or --password-stdin",
        ));
    }
    let user = context.client.user_update(user.id, &request).await?;
    context
        .console
        .answer(&user, |user| print_user(user, context.console))
}

async fn binding_create(
    user: &str,
    binding: &BindingArguments,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let user = lookup::user(&context.client, user).await?;
    let request = BindingCreate {
        role: binding.role,
        scope: lookup::scope(&context.client, &binding.scope).await?,
    };
    let created = context
        .client
        .binding_create(user.id, &request, &IdempotencyKey::random())
        .await?;
    context.console.answer(&created, |created| {
        context.console.say(&format!(
            "user {} is {} at {}",
            user.username,
            created.role,
            scope(created.scope)
        ));
    })
}

async fn binding_delete(
    user: &str,
    binding: &BindingArguments,
    yes: bool,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let user = lookup::user(&context.client, user).await?;
    let wanted = lookup::scope(&context.client, &binding.scope).await?;
    let ids: Vec<BindingId> = user
        .bindings
        .iter()
        .filter(|held| held.role == binding.role && held.scope == wanted)
        .map(|held| held.id)
        .collect();
    if ids.is_empty() {
        return Err(Failure::NotFound(format!(
            "user {} is not {} at {}; they are {}",
            user.username,
            binding.role,
            binding.scope,
            roles(&user)
        )));
    }
    let question = format!(
        "Take {} at {} from user {}?",
        binding.role, binding.scope, user.username
    );
    context.console.confirm(&question, yes)?;
    for id in ids {
        context.client.binding_delete(user.id, id).await?;
    }
    if !context.console.is_json() {
        context.console.say(&format!(
            "user {} is no longer {} at {}",
            user.username, binding.role, binding.scope
        ));
    }
    Ok(())
}

pub(crate) async fn role_list(context: &Context<'_>) -> Result<(), Failure> {
    let roles = context.client.role_list().await?;
    context.console.answer(&roles, |roles| {
        let rows = roles.iter().map(|description| {
            let permissions: Vec<&str> = description
                .permissions
                .iter()
                .map(|permission| permission.as_str())
                .collect();
            vec![
                (description.role.to_string(), Tone::Plain),
                (permissions.join(", "), Tone::Plain),
            ]
        });
        context.console.table(&["ROLE", "PERMISSIONS"], rows.collect());
    })
}
