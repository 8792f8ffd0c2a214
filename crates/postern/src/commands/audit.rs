//! `postern audit …`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use postern_api::audit::{AuditOutcome, AuditRecord};

use super::list::{ListArguments, closing};
use crate::{clock, context::Context, failure::Failure, output::Tone, words};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List records, newest first
    List(List),
    /// Check the whole chain of hashes; exit code 1 when it is broken
    Verify,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    list: ListArguments,
    /// Only by this actor, like user:5
    #[arg(long, value_name = "ACTOR")]
    actor: Vec<String>,
    /// Only this operation, like job_cancel
    #[arg(long, value_name = "OPERATION")]
    action: Vec<String>,
    /// Only on this object, like job:42
    #[arg(long, value_name = "OBJECT")]
    object: Vec<String>,
    /// done, refused
    #[arg(long, value_name = "OUTCOME")]
    outcome: Vec<String>,
}

pub(crate) async fn run(command: AuditCommand, context: &Context<'_>) -> Result<ExitCode, Failure> {
    match command {
        AuditCommand::List(list) => audit_list(&list, context).await.map(|()| ExitCode::SUCCESS),
        AuditCommand::Verify => audit_verify(context).await,
    }
}

async fn audit_list(list: &List, context: &Context<'_>) -> Result<(), Failure> {
    let request = list.list.request(&[
        ("actor", &list.actor),
        ("action", &list.action),
        ("object", &list.object),
        ("outcome", &list.outcome),
    ]);
    let page = context.client.audit_list_all(&request, list.list.limit()).await?;
    context.console.answer(&page, |page| {
        let now = clock::now();
        let rows = page.items.iter().map(|record| row(record, now)).collect();
        if !page.items.is_empty() {
            context.console.table(
                &[
                    "ID", "WHEN", "ACTOR", "ACTION", "OBJECT", "OUTCOME", "FROM", "REASON",
                ],
                rows,
            );
        }
        closing(context.console, page, "records");
    })
}

fn row(record: &AuditRecord, now: postern_domain::Timestamp) -> Vec<(String, Tone)> {
    let plain = |text: &str| (text.to_owned(), Tone::Plain);
    vec![
        plain(&record.id.to_string()),
        plain(&words::relative(record.at, now)),
        plain(&record.actor),
        plain(&record.action),
        plain(&record.object),
        match record.outcome {
            AuditOutcome::Done => plain("done"),
            AuditOutcome::Refused => ("refused".to_owned(), Tone::Bad),
        },
        plain(record.address.as_deref().unwrap_or_default()),
        plain(record.reason.as_deref().unwrap_or_default()),
    ]
}

async fn audit_verify(context: &Context<'_>) -> Result<ExitCode, Failure> {
    let verification = context.client.audit_verify().await?;
    context.console.answer(&verification, |verification| {
        let head = verification.head.as_deref().unwrap_or("none");
        match &verification.broken {
            Some(broken) => context.console.say(&format!(
                "BROKEN at record {}: {} ({} records checked)",
                broken.id, broken.problem, verification.checked
            )),
            None => context.console.say(&format!(
                "intact: {} records, newest hash {head}\nKeep that hash elsewhere: with it a cut of the end shows as well.",
                verification.checked
            )),
        }
    })?;
    Ok(ExitCode::from(u8::from(!verification.intact)))
}
