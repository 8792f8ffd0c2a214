//! `postern login`, `logout`, `session`.

use std::{
    io::{self, Read as _},
    path::PathBuf,
};

use clap::Args;
use postern_api::identity::{Session, SessionCreate, TokenCreate};
use postern_client::{Client, Credentials, Error, IdempotencyKey, Secret, Trust};
use postern_domain::TokenId;

use crate::{
    clock,
    config::{self, Environment, Login},
    context::Context,
    failure::Failure,
    output::Console,
    words,
};

/// Longest password or token that is read from standard input.
const SECRET_BYTES: u64 = 4096;

#[derive(Debug, Args)]
pub(crate) struct LoginArguments {
    /// Address of the server, like https://postern.example:8443
    url: String,
    /// The server's CA certificate (PEM), when its certificate is not publicly signed
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Sign in as this user; an API token named after this host is made and stored
    #[arg(long, value_name = "USER", conflicts_with = "token")]
    user: Option<String>,
    /// Read the password from standard input instead of asking
    #[arg(long, requires = "user", conflicts_with = "token")]
    password_stdin: bool,
    /// Use this API token instead of signing in; `-` reads it from standard input
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
}

pub(crate) async fn login(arguments: LoginArguments, console: &Console) -> Result<(), Failure> {
    let environment = Environment::read()?;
    let url = config::server_url(&arguments.url)?;
    let ca = match arguments.ca.as_ref().or(environment.ca.as_ref()) {
        Some(path) => Some(config::read_ca(path)?),
        None => None,
    };
    let trust = ca.clone().map_or(Trust::System, Trust::Ca);
    let anonymous = Client::new(&url, &Credentials::None, &trust)?;
    let (token, token_id) = match &arguments.token {
        Some(token) if token == "-" => (read_secret()?, None),
        Some(token) => (token.clone(), None),
        None => {
            let (user, password) = ask(&arguments, console)?;
            let (token, id) = make_token(&anonymous, user, password).await?;
            (token, Some(id))
        }
    };
    let client = anonymous.with_credentials(&Credentials::Token(Secret::new(&token)))?;
    let session = client.session_show().await?;
    let before = environment.load().ok().flatten();
    let login = Login {
        url,
        token,
        token_id,
        ca,
    };
    let path = environment.store(&login)?;
    if let Some(old) = before
        && old.url == login.url
        && let Some(id) = old.token_id
        && login.token_id != Some(id)
    {
        // The one before is of no use to anyone now; if it cannot be ended, it ends by itself.
        let _ = client.token_delete(id).await;
    }
    console.answer(&session, |session| {
        console.say(&format!(
            "signed in to {} as {}; stored in {}",
            login.url,
            session.user.username,
            path.display()
        ));
    })
}

fn ask(arguments: &LoginArguments, console: &Console) -> Result<(String, String), Failure> {
    if arguments.password_stdin {
        let user = arguments.user.clone().unwrap_or_default();
        return Ok((user, read_secret()?));
    }
    if !console.can_ask() {
        return Err(Failure::usage(
            "there is no terminal to ask for a password: give --user and --password-stdin, or --token",
        ));
    }
    let user = match &arguments.user {
        Some(user) => user.clone(),
        None => console.ask("User")?,
    };
    let password = console.ask_password("Password")?;
    Ok((user, password))
}

/// The session is ended again: what stays is a token that can be listed and revoked.
async fn make_token(
    anonymous: &Client,
    username: String,
    password: String,
) -> Result<(String, TokenId), Failure> {
    let signed_in = anonymous
        .session_create(&SessionCreate { username, password })
        .await?;
    let client = anonymous.with_credentials(&signed_in.credentials)?;
    let host = config::host_name();
    let key = IdempotencyKey::random();
    let request = |name: String| TokenCreate {
        name,
        permissions: None,
        expires_in_days: None,
    };
    let created = match client.token_create(&request(host.clone()), &key).await {
        // A token of this name is there already, perhaps of another account on this host.
        Err(error) if error.status() == Some(409) => {
            let key = IdempotencyKey::random();
            let name = format!("{host}-{}", &key.as_str()[..8]);
            client.token_create(&request(name), &key).await
        }
        answer => answer,
    };
    let _ = client.session_delete().await;
    let created = created?;
    Ok((created.secret, created.token.id))
}

pub(crate) async fn logout(console: &Console) -> Result<(), Failure> {
    let environment = Environment::read()?;
    let Some(login) = environment.load().ok().flatten() else {
        environment.forget()?;
        console.note("not signed in");
        return Ok(());
    };
    let ended = end_token(&login).await;
    environment.forget()?;
    if let Err(failure) = ended {
        console.note(&format!(
            "forgotten here, but the token could not be ended on {}:",
            login.url
        ));
        return Err(failure);
    }
    if !console.is_json() {
        console.say(&format!("signed out of {}", login.url));
    }
    Ok(())
}

/// A token that was given to `login` belongs to whoever made it, and stays.
async fn end_token(login: &Login) -> Result<(), Failure> {
    let Some(id) = login.token_id else {
        return Ok(());
    };
    let trust = login.ca.clone().map_or(Trust::System, Trust::Ca);
    let client = Client::new(&login.url, &Credentials::Token(Secret::new(&login.token)), &trust)?;
    match client.token_delete(id).await {
        Err(Error::Problem(problem)) if matches!(problem.status, 401 | 404) => Ok(()),
        answer => Ok(answer?),
    }
}

pub(crate) async fn session_show(context: &Context<'_>) -> Result<(), Failure> {
    let session = context.client.session_show().await?;
    context
        .console
        .answer(&session, |session| print_session(session, context))
}

fn print_session(session: &Session, context: &Context<'_>) {
    let permissions: Vec<&str> = session
        .permissions
        .iter()
        .map(|permission| permission.as_str())
        .collect();
    context.console.fields(&[
        (
            "server",
            context
                .client
                .base_url()
                .as_str()
                .trim_end_matches('/')
                .to_owned(),
        ),
        ("user", format!("{} ({})", session.user.username, session.user.id)),
        ("name", session.user.display_name.clone()),
        ("permissions", permissions.join(", ")),
        ("ends", words::absolute(session.expires_at, clock::now())),
    ]);
}

/// The first line, without its end.
pub(crate) fn read_secret() -> Result<String, Failure> {
    read_secrets().map(|lines| lines.into_iter().next().unwrap_or_default())
}

/// At least one line, and that not empty.
pub(crate) fn read_secrets() -> Result<Vec<String>, Failure> {
    let mut text = String::new();
    io::stdin()
        .take(SECRET_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| Failure::local("cannot read standard input", &error))?;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.first().is_none_or(String::is_empty) {
        return Err(Failure::usage(
            "nothing came on standard input: write the password or token to it",
        ));
    }
    Ok(lines)
}
