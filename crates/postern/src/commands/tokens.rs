//! `postern token …`

use clap::Subcommand;
use postern_api::{ListRequest, identity::TokenCreate};
use postern_client::IdempotencyKey;
use postern_domain::{TokenId, permission::Permission};

use super::list::{ListArguments, closing};
use crate::{clock, context::Context, failure::Failure, output::Tone, words};

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create an API token and print it; it is shown once
    Create {
        /// What it is for
        name: String,
        /// Only this permission, of those you have; may be given several times. Everything when absent
        #[arg(long = "permission", value_name = "PERMISSION")]
        permissions: Vec<Permission>,
        /// Ends after this many days, 1 to 365; 90 when absent
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=365))]
        expires_in_days: Option<u32>,
    },
    /// List API tokens
    List(ListArguments),
    /// End an API token at once
    Revoke {
        /// Id, or the name when only one token has it
        token: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub(crate) async fn run(command: TokenCommand, context: &Context<'_>) -> Result<(), Failure> {
    match command {
        TokenCommand::Create {
            name,
            permissions,
            expires_in_days,
        } => {
            let request = TokenCreate {
                name,
                permissions: (!permissions.is_empty()).then_some(permissions),
                expires_in_days,
            };
            token_create(&request, context).await
        }
        TokenCommand::List(list) => token_list(&list, context).await,
        TokenCommand::Revoke { token, yes } => token_delete(&token, yes, context).await,
    }
}

/// The secret alone goes to standard output, so that it can be piped to where it is kept.
async fn token_create(request: &TokenCreate, context: &Context<'_>) -> Result<(), Failure> {
    let created = context
        .client
        .token_create(request, &IdempotencyKey::random())
        .await?;
    context.console.answer(&created, |created| {
        context.console.note(&format!(
            "token {} ({}), not shown again, ends {}:",
            created.token.name,
            created.token.id,
            words::absolute(created.token.expires_at, clock::now())
        ));
        context.console.say(&created.secret);
    })
}

async fn token_list(list: &ListArguments, context: &Context<'_>) -> Result<(), Failure> {
    let page = context
        .client
        .token_list_all(&list.request(&[]), list.limit())
        .await?;
    context.console.answer(&page, |page| {
        let now = clock::now();
        let plain = |text: String| (text, Tone::Plain);
        let rows = page.items.iter().map(|token| {
            let permissions = token
                .permissions
                .as_ref()
                .map_or("all of its user".to_owned(), |only| {
                    only.iter()
                        .map(|permission| permission.as_str())
                        .collect::<Vec<_>>()
                        .join(",")
                });
            vec![
                plain(token.id.to_string()),
                plain(token.name.clone()),
                plain(token.username.clone()),
                plain(permissions),
                plain(
                    token
                        .last_used_at
                        .map_or("never".into(), |used| words::relative(used, now)),
                ),
                plain(words::relative(token.expires_at, now)),
            ]
        });
        if !page.items.is_empty() {
            context.console.table(
                &["ID", "NAME", "USER", "PERMISSIONS", "LAST USED", "ENDS"],
                rows.collect(),
            );
        }
        closing(context.console, page, "tokens");
    })
}

async fn token_delete(text: &str, yes: bool, context: &Context<'_>) -> Result<(), Failure> {
    let id = match text.parse::<TokenId>() {
        Ok(id) => id,
        Err(_) => by_name(text, context).await?,
    };
    context
        .console
        .confirm(&format!("End API token {text} at once?"), yes)?;
    context.client.token_delete(id).await?;
    if !context.console.is_json() {
        context.console.say(&format!("token {id} is revoked"));
    }
    Ok(())
}

async fn by_name(name: &str, context: &Context<'_>) -> Result<TokenId, Failure> {
    let all = context
        .client
        .token_list_all(&ListRequest::default(), usize::MAX)
        .await?;
    let ids: Vec<TokenId> = all
        .items
        .iter()
        .filter(|token| token.name == name)
        .map(|token| token.id)
        .collect();
    match ids.as_slice() {
        [id] => Ok(*id),
        [] => Err(Failure::NotFound(format!(
            "there is no token {name:?} that you may see: `postern token list` shows those there are"
        ))),
        several => Err(Failure::usage(format!(
            "there are {} tokens {name:?}: give one of the ids {}",
            several.len(),
            several
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        ))),
    }
}
