//! From the hosts that were asked for to the agents they mean.

use postern_api::targets::Targets;
use postern_domain::{
    GroupId, label,
    permission::Reach,
    selector::{Part, Selector, Test},
};
use postern_store::{
    Tx,
    agents::{self, Target, Wanted, groups},
};

use crate::error::{Error, Result};

/// Hosts of one creation.
pub(crate) const MAX_TARGETS: u32 = 20_000;
/// Agents, groups or places named one by one in a creation.
pub(crate) const MAX_NAMED: usize = 1000;

/// What the caller asked for, checked as far as that goes without the database.
pub(crate) fn check(targets: &Targets) -> Result<()> {
    label::check(&targets.labels).map_err(|error| Error::invalid("targets.labels", error))?;
    for (field, names) in [
        ("targets.agents", &targets.agents),
        ("targets.groups", &targets.groups),
        ("targets.organizations", &targets.organizations),
        ("targets.departments", &targets.departments),
    ] {
        if names.len() > MAX_NAMED {
            return Err(Error::invalid(
                field,
                format!("has more than {MAX_NAMED} names: use labels"),
            ));
        }
    }
    let own = wanted_of(targets);
    let alone = own.ids.is_empty()
        && own.names.is_empty()
        && targets.groups.is_empty()
        && own.selector.parts().is_empty()
        && own.organizations.is_empty()
        && own.departments.is_empty();
    if targets.all && !alone {
        return Err(Error::invalid(
            "targets",
            "has all together with something narrower: give one of them",
        ));
    }
    if !targets.all && alone {
        return Err(Error::invalid(
            "targets",
            "names no host: give agents, labels, a selector, organizations, departments, groups or all",
        ));
    }
    Ok(())
}

/// Without the groups.
fn wanted_of(targets: &Targets) -> Wanted {
    let (ids, names): (Vec<_>, Vec<_>) = targets
        .agents
        .iter()
        .partition(|name| name.parse::<i64>().is_ok());
    let labels = targets.labels.iter().map(|(key, value)| Part {
        key: key.clone(),
        test: Test::In(vec![value.clone()]),
    });
    let parts = targets.selector.iter().flat_map(Selector::parts).cloned();
    Wanted {
        ids: ids.iter().filter_map(|id| id.parse().ok()).collect(),
        names: names.into_iter().cloned().collect(),
        selector: labels.chain(parts).collect(),
        organizations: targets.organizations.clone(),
        departments: targets.departments.clone(),
        all: targets.all,
    }
}

/// The agents within reach, canaries first. Every agent and group that was named must be there, and all together at
/// least one host.
pub(crate) async fn resolve(
    tx: &mut Tx<'_>,
    reach: &Reach,
    groups_reach: &Reach,
    targets: &Targets,
) -> Result<(Vec<Target>, Vec<GroupId>)> {
    let own = wanted_of(targets);
    let mut wanted = Vec::new();
    let mut group_ids = Vec::new();
    if !targets.groups.is_empty() {
        let found = groups::named(tx, groups_reach, &targets.groups).await?;
        for name in &targets.groups {
            let named = |group: &&groups::Group| group.name == *name || group.id.to_string() == *name;
            let group = found.iter().find(named).ok_or_else(|| {
                Error::invalid("targets.groups", format!("there is no host group {name:?}"))
            })?;
            let inner: Targets = serde_json::from_str(&group.targets)
                .map_err(|error| Error::Internal(format!("targets of group {}: {error}", group.id)))?;
            group_ids.push(group.id);
            wanted.push(wanted_of(&inner));
        }
    }
    if !own.is_empty() {
        wanted.push(own.clone());
    }
    let mut found = agents::targets(tx, reach, &wanted, MAX_TARGETS).await?;
    for id in &own.ids {
        if !found.iter().any(|target| target.id.0 == *id) {
            return Err(unknown(&id.to_string()));
        }
    }
    for name in &own.names {
        if !found.iter().any(|target| target.name == *name) {
            return Err(unknown(name));
        }
    }
    if found.is_empty() {
        return Err(Error::invalid(
            "targets",
            "match no agent on which you may run jobs",
        ));
    }
    if found.len() > MAX_TARGETS as usize {
        return Err(Error::invalid(
            "targets",
            format!("match more than {MAX_TARGETS} agents: narrow them"),
        ));
    }
    found.sort_by_key(|target| (!target.canary, target.id));
    Ok((found, group_ids))
}

fn unknown(name: &str) -> Error {
    Error::invalid(
        "targets.agents",
        format!("there is no agent {name:?} on which you may run jobs"),
    )
}
