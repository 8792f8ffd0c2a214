//! The hosts of a creation: their batches, their concurrency keys, and how they will fare.

use std::collections::HashMap;

use postern_api::{
    groups::BlackoutJobs,
    jobs::{Concurrency, ConcurrencyScope},
    targets::{HostPreview, TargetPreview, Targets},
};
use postern_domain::{
    AgentId, GroupId, Timestamp,
    agent::{Connection, status},
    permission::Permission,
    rollout::Rolling,
};
use postern_protocol::payload::{JobPayload, Script};
use postern_store::{
    agents::{
        Target,
        groups::{self, Dark},
    },
    jobs::Host,
    tx,
};

use super::convert::blackout_text;
use crate::{
    app::App,
    error::{Error, Result},
    http::Caller,
    rooms::agents::targets::{Resolved, check, resolve},
};

/// Hosts in their batches, with their concurrency keys.
#[derive(Debug)]
pub(super) struct Arranged {
    pub(super) hosts: Vec<Host>,
    pub(super) batches: u32,
    /// Groups with a calendar by way of which a host is there.
    pub(super) guarded: Vec<(AgentId, GroupId)>,
    pub(super) by_id: Targets,
}

/// `keys`: the concurrency keys of hosts that have theirs from before.
pub(super) fn arrange(
    found: Resolved,
    rolling: Option<&Rolling>,
    concurrency: Option<&Concurrency>,
    keys: Option<&HashMap<AgentId, Option<String>>>,
) -> Result<Arranged> {
    let Resolved {
        hosts: targets,
        groups,
        guarded,
        by_id,
    } = found;
    let canaries = targets.iter().filter(|target| target.canary).count();
    let total = targets.len();
    let whole = 0..total;
    let batches = rolling.map_or(vec![whole], |rolling| rolling.batches(total, canaries));
    let count = u32::try_from(batches.len()).unwrap_or(u32::MAX);
    let mut targets = targets.into_iter();
    let mut hosts = Vec::with_capacity(total);
    for (number, batch) in (1..).zip(batches) {
        for target in targets.by_ref().take(batch.len()) {
            let concurrency_key = match keys.and_then(|keys| keys.get(&target.id)) {
                Some(kept) => kept.clone(),
                None => concurrency
                    .map(|wanted| key(wanted, &target, &groups))
                    .transpose()?,
            };
            hosts.push(Host {
                target,
                batch: number,
                concurrency_key,
            });
        }
    }
    Ok(Arranged {
        hosts,
        batches: count,
        guarded,
        by_id,
    })
}

/// Of another tenant's jobs none has the same.
fn key(wanted: &Concurrency, target: &Target, groups: &[GroupId]) -> Result<String> {
    let (tenant, key) = (target.tenant_id, &wanted.key);
    Ok(match (wanted.per, groups) {
        (ConcurrencyScope::Host, _) => format!("{tenant}/host:{}/{key}", target.id),
        (ConcurrencyScope::Tenant, _) => format!("{tenant}/tenant/{key}"),
        (ConcurrencyScope::Group, [group]) => format!("{tenant}/group:{group}/{key}"),
        (ConcurrencyScope::Group, _) => {
            let message = "is group: name exactly one host group in targets.groups, or use host or tenant";
            return Err(Error::invalid("concurrency.per", message));
        }
    })
}

/// The hosts as a person should see them before they click. `dark`: the groups that have a blackout now.
pub(super) fn preview(
    arranged: &Arranged,
    work: Option<&JobPayload>,
    dark: &[Dark],
    now: Timestamp,
) -> TargetPreview {
    let mut blackouts: HashMap<AgentId, &Dark> = HashMap::new();
    for (agent, group) in &arranged.guarded {
        if let Some(dark) = dark.iter().find(|dark| dark.group_id == *group) {
            blackouts.insert(*agent, dark);
        }
    }
    let hosts: Vec<HostPreview> = arranged
        .hosts
        .iter()
        .map(|host| host_preview(host, work, blackouts.get(&host.target.id).copied(), now))
        .collect();
    let away = hosts
        .iter()
        .filter(|host| host.connection != Connection::Connected)
        .count();
    TargetPreview {
        disconnected: u32::try_from(away).unwrap_or(u32::MAX),
        hosts,
    }
}

fn host_preview(host: &Host, work: Option<&JobPayload>, dark: Option<&Dark>, now: Timestamp) -> HostPreview {
    let target = &host.target;
    let (_, connection) = status(target.created, target.last_seen, now);
    let problem = if let Some(dark) = dark {
        let then = if dark.jobs == BlackoutJobs::Skip.as_str() {
            "the job is cancelled"
        } else {
            "the job waits for its end"
        };
        Some(format!("{}: {then}", blackout_text(dark)))
    } else if !target.active {
        Some("The agent is switched off (inactive): the job waits until it is switched on".to_owned())
    } else if connection != Connection::Connected {
        Some("The agent is not connected: the job waits for it, at most 30 minutes".to_owned())
    } else {
        work.and_then(|work| unfit(target, work))
    };
    HostPreview {
        agent_id: target.id,
        agent: target.name.clone(),
        organization_id: target.organization_id,
        active: target.active,
        connection,
        batch: host.batch,
        problem,
    }
}

/// Why this host would refuse the work.
fn unfit(target: &Target, work: &JobPayload) -> Option<String> {
    if work.requires_elevation() && !target.root {
        return Some("The agent does not run as root, which this job requires".to_owned());
    }
    let JobPayload::Script(Script { language, .. }) = work else {
        return None;
    };
    let languages: Vec<String> = serde_json::from_str(&target.languages).unwrap_or_default();
    let word = language.as_str();
    (!languages.iter().any(|known| known == word)).then(|| format!("The host has no interpreter for {word}"))
}

/// The hosts that targets mean at this moment.
pub(super) async fn target_preview(app: &App, caller: &Caller, targets: Targets) -> Result<TargetPreview> {
    check(&targets)?;
    let now = app.now();
    let (reach, groups_reach) = (
        caller.reach(Permission::JobsManage),
        caller.reach(Permission::AgentsView),
    );
    app.store
        .scan(tx!(tx => {
            let found = resolve(tx, &reach, &groups_reach, &targets).await?;
            let dark = groups::dark(tx, now).await?;
            Ok(preview(&arrange(found, None, None, None)?, None, &dark, now))
        }))
        .await
}
