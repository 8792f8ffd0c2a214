//! Reading the trail and checking it.

use std::time::Duration;

use postern_api::{
    Page,
    audit::{AuditBreak, AuditOutcome, AuditRecord, AuditVerification},
};
use postern_domain::{AuditId, permission::Permission};
use postern_store::{Cursor, SortDirection, audit, tx};

use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter},
    },
};

/// A record older than this without a place in the chain is a problem.
const SEALED_WITHIN: Duration = Duration::from_secs(60);
const VERIFY_BATCH: u32 = 2000;

pub(super) async fn audit_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<AuditRecord>> {
    list.sort_by(&["id"], SortDirection::Descending)?;
    let mut filter = audit::Filter {
        search: list.search.clone(),
        ..Default::default()
    };
    for (field, values) in &list.filters {
        match field.as_str() {
            "actor" => filter.actor.clone_from(values),
            "action" => filter.action.clone_from(values),
            "object" => filter.object.clone_from(values),
            "outcome" => filter.outcome.clone_from(values),
            _ => return Err(unknown_filter(field, "actor, action, object, outcome")),
        }
    }
    let reach = caller.reach(Permission::AuditView);
    let (page, limit) = (list.page.clone(), list.page.limit);
    let rows = app
        .store
        .scan::<_, Error, _>(tx!(tx => Ok(audit::list(tx, &reach, &filter, &page).await?)))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: String::new(),
            id: row.id.0,
        },
        |row| Ok(record_of(row)),
    )
}

fn record_of(record: audit::Record) -> AuditRecord {
    let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
    AuditRecord {
        id: record.id,
        at: record.at,
        actor: record.actor,
        token_id: record.token_id,
        action: record.action,
        object: record.object,
        outcome: if record.outcome == "done" {
            AuditOutcome::Done
        } else {
            AuditOutcome::Refused
        },
        before: json(record.before),
        after: json(record.after),
        reason: record.reason,
        address: record.address,
        hash: record.hash.unwrap_or_default(),
    }
}

pub(super) async fn audit_verify(app: &App) -> Result<AuditVerification> {
    let (last, head, oldest_unsealed) = app
        .store
        .read::<_, Error, _>(tx!(tx => Ok(audit::head(tx).await?)))
        .await?;
    let (mut chain, mut hash) = (0, String::new());
    let broken = 'chain: loop {
        let from = chain;
        let rows = app
            .store
            .scan::<_, Error, _>(tx!(tx => Ok(audit::sealed_after(tx, from, VERIFY_BATCH).await?)))
            .await?;
        // What was sealed after the head was read is checked next time.
        let rows: Vec<_> = rows
            .into_iter()
            .take_while(|row| row.chain.is_some_and(|place| place <= last))
            .collect();
        if rows.is_empty() {
            break None;
        }
        for row in rows {
            let problem = if row.chain != Some(chain + 1) {
                Some(format!(
                    "Records are missing in front of it: place {} is empty",
                    chain + 1
                ))
            } else {
                chain += 1;
                hash = audit::link(&hash, chain, &row);
                (row.hash.as_deref() != Some(&*hash)).then(|| "Its content does not fit its hash".to_owned())
            };
            if let Some(problem) = problem {
                break 'chain Some(AuditBreak { id: row.id, problem });
            }
        }
    };
    let broken = broken.or_else(|| {
        let cut = chain != last || hash != head;
        cut.then(|| AuditBreak {
            id: AuditId(0),
            problem: format!("The newest records are missing: {last} were sealed, {chain} are there"),
        })
    });
    let overdue = oldest_unsealed.is_some_and(|at| app.now().since(at) > SEALED_WITHIN);
    let broken = broken.or_else(|| {
        overdue.then(|| AuditBreak {
            id: AuditId(0),
            problem: "Records are waiting to be sealed for more than a minute".into(),
        })
    });
    Ok(AuditVerification {
        intact: broken.is_none(),
        checked: chain,
        head: (chain > 0).then_some(hash),
        broken,
    })
}
