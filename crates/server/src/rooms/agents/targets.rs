//! From the hosts that were asked for to the agents they mean.

use std::collections::{BTreeSet, HashMap, HashSet};

use postern_api::targets::Targets;
use postern_domain::{
    AgentId, GroupId,
    permission::Reach,
    selector::{Part, Selector, Test},
    targets::MAX_NAMED,
};
use postern_store::{
    Tx,
    agents::{self, PlaceKind, Target, Wanted, groups},
    uses::Used,
};

use super::places::{self, NO_JOBS, NOT_SEEN, Places};
use crate::error::{Error, Result};

/// Hosts of one creation.
pub(crate) const MAX_TARGETS: u32 = 20_000;
/// What is said of what is missing.
const GONE: &str = "which is not there, or which you may not see";

/// What the caller asked for, checked as far as that goes without the database.
pub(crate) fn check(targets: &Targets) -> Result<()> {
    targets.check().map_err(|error| {
        let field = match error.field {
            Some(field) => format!("targets.{field}"),
            None => "targets".to_owned(),
        };
        Error::invalid(field, error.problem)
    })
}

/// The agents alone that are named one by one.
fn named_of(targets: &Targets) -> Wanted {
    let (ids, names): (Vec<_>, Vec<_>) = targets
        .agents
        .iter()
        .partition(|name| name.parse::<i64>().is_ok());
    Wanted {
        ids: ids.iter().filter_map(|id| id.parse().ok()).collect(),
        names: names.into_iter().cloned().collect(),
        ..Wanted::default()
    }
}

/// Without the groups.
fn wanted_of(targets: &Targets, places: &Places) -> Wanted {
    let labels = targets.labels.iter().map(|(key, value)| Part {
        key: key.clone(),
        test: Test::In(vec![value.clone()]),
    });
    let parts = targets.selector.iter().flat_map(Selector::parts).cloned();
    Wanted {
        selector: labels.chain(parts).collect(),
        organizations: places.organizations.clone(),
        departments: places.departments.clone(),
        all: targets.all,
        ..named_of(targets)
    }
}

/// What targets mean at a moment.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// Canaries first.
    pub(crate) hosts: Vec<Target>,
    /// The groups that were named.
    pub(crate) groups: Vec<GroupId>,
    /// Hosts that are in a group which has a calendar of blackouts, and was named.
    pub(crate) guarded: Vec<(AgentId, GroupId)>,
    /// The targets with ids in place of all names, for what is kept: a new name changes nothing.
    pub(crate) by_id: Targets,
}

/// The agents within reach. Every agent, group, organization and department that was named must be there, and all together
/// at least one host, in one tenant.
pub(crate) async fn resolve(
    tx: &mut Tx<'_>,
    reach: &Reach,
    groups_reach: &Reach,
    targets: &Targets,
) -> Result<Resolved> {
    let places = Places::of(tx, reach, targets).await?;
    places.check(NO_JOBS)?;
    let own = wanted_of(targets, &places);
    let mut wanted = Vec::new();
    let mut group_ids = Vec::new();
    let mut guarded = Vec::new();
    if !targets.groups.is_empty() {
        let found = groups::named(tx, groups_reach, &targets.groups).await?;
        for name in &targets.groups {
            let group = called(&found, name).ok_or_else(|| {
                Error::invalid("targets.groups", format!("there is no host group {name:?}"))
            })?;
            let (inner, places) = wanted_of_group(tx, group).await?;
            guarded.extend(guarded_by(tx, reach, group, &inner).await?);
            all_there(tx, group, &inner, &places).await?;
            group_ids.push(group.id);
            wanted.push(inner);
        }
    }
    if !own.is_empty() {
        wanted.push(own.clone());
    }
    let mut found = agents::targets(tx, reach, &wanted, MAX_TARGETS).await?;
    let agents = ids_of(&targets.agents, &found)?;
    let Some(first) = found.first() else {
        return Err(Error::invalid(
            "targets",
            "match no agent on which you may run jobs",
        ));
    };
    if found.len() > MAX_TARGETS as usize {
        return Err(Error::invalid(
            "targets",
            format!("match more than {MAX_TARGETS} agents: narrow them"),
        ));
    }
    if found.iter().any(|target| target.tenant_id != first.tenant_id) {
        return Err(Error::invalid(
            "targets",
            "match agents of several tenants: name the organizations of one of them",
        ));
    }
    found.sort_by_key(|target| (!target.canary, target.id));
    Ok(Resolved {
        by_id: places.kept(Targets {
            agents,
            groups: group_ids.iter().map(GroupId::to_string).collect(),
            ..targets.clone()
        }),
        hosts: found,
        groups: group_ids,
        guarded,
    })
}

/// What targets say of hosts that are known otherwise: the groups that they name, as far as these are there, and which hosts
/// are in one that has a calendar of blackouts.
pub(crate) async fn groups_of(
    tx: &mut Tx<'_>,
    reach: &Reach,
    groups_reach: &Reach,
    targets: &Targets,
) -> Result<(Vec<GroupId>, Vec<(AgentId, GroupId)>)> {
    let found = groups::named(tx, groups_reach, &targets.groups).await?;
    let mut ids = Vec::new();
    let mut guarded = Vec::new();
    for name in &targets.groups {
        if let Some(group) = called(&found, name) {
            ids.push(group.id);
            let (inner, _) = wanted_of_group(tx, group).await?;
            guarded.extend(guarded_by(tx, reach, group, &inner).await?);
        }
    }
    Ok((ids, guarded))
}

/// By name or id.
fn called<'a>(groups: &'a [groups::Group], name: &str) -> Option<&'a groups::Group> {
    groups
        .iter()
        .find(|group| group.name == name || group.id.to_string() == name)
}

async fn wanted_of_group(tx: &mut Tx<'_>, group: &groups::Group) -> Result<(Wanted, Places)> {
    let inner: Targets = serde_json::from_str(&group.targets)
        .map_err(|error| Error::Internal(format!("targets of group {}: {error}", group.id)))?;
    let places = Places::of(tx, &tenant_of(group), &inner).await?;
    Ok((wanted_of(&inner, &places), places))
}

fn tenant_of(group: &groups::Group) -> Reach {
    Reach {
        tenants: vec![group.tenant_id],
        ..Reach::default()
    }
}

/// The hosts in a group, where it has a calendar of blackouts.
async fn guarded_by(
    tx: &mut Tx<'_>,
    reach: &Reach,
    group: &groups::Group,
    inner: &Wanted,
) -> Result<Vec<(AgentId, GroupId)>> {
    if group.calendar_id.is_none() {
        return Ok(Vec::new());
    }
    let members = agents::targets(tx, reach, std::slice::from_ref(inner), MAX_TARGETS).await?;
    Ok(members.into_iter().map(|member| (member.id, group.id)).collect())
}

/// The ids of agents that are named by name or id, each of which must be among those that were found.
fn ids_of(agents: &[String], found: &[Target]) -> Result<Vec<String>> {
    let ids: HashSet<i64> = found.iter().map(|target| target.id.0).collect();
    let names: HashMap<&str, AgentId> = found
        .iter()
        .map(|target| (target.name.as_str(), target.id))
        .collect();
    let id = |name: &String| match name.parse::<i64>() {
        Ok(id) => ids.contains(&id).then(|| name.clone()),
        Err(_) => names.get(name.as_str()).map(AgentId::to_string),
    };
    agents
        .iter()
        .map(|name| id(name).ok_or_else(|| unknown(name)))
        .collect()
}

/// A group says which of the agents and places it names are not there any more, rather than to go on without them. Those
/// on which the caller may not run jobs are left out, as everywhere.
async fn all_there(tx: &mut Tx<'_>, group: &groups::Group, inner: &Wanted, places: &Places) -> Result<()> {
    if let Some(unclear) = places.unclear.first() {
        let what = unclear.told("which is not there any more: change the group");
        let problem = format!("host group {:?} names {what}", group.name);
        return Err(Error::invalid("targets.groups", problem));
    }
    if inner.ids.is_empty() && inner.names.is_empty() {
        return Ok(());
    }
    let named = Wanted {
        ids: inner.ids.clone(),
        names: inner.names.clone(),
        ..Wanted::default()
    };
    let found = agents::targets(tx, &tenant_of(group), &[named], MAX_TARGETS).await?;
    let ids: HashSet<i64> = found.iter().map(|target| target.id.0).collect();
    let names: HashSet<&str> = found.iter().map(|target| target.name.as_str()).collect();
    let id = inner.ids.iter().find(|id| !ids.contains(id)).map(i64::to_string);
    let name = inner.names.iter().find(|name| !names.contains(name.as_str()));
    match id.or_else(|| name.cloned()) {
        None => Ok(()),
        Some(missing) => Err(Error::invalid(
            "targets.groups",
            format!(
                "host group {:?} names agent {missing:?}, which is not there any more: change the group",
                group.name
            ),
        )),
    }
}

/// What is wrong with agents, groups and places named one by one: those that are not there, or not within reach.
pub(crate) async fn missing(
    tx: &mut Tx<'_>,
    agents_reach: &Reach,
    groups_reach: &Reach,
    targets: &Targets,
) -> Result<Vec<String>> {
    let places = Places::of(tx, agents_reach, targets).await?;
    let (agents, groups) = named(tx, agents_reach, groups_reach, targets).await?;
    let agents: HashSet<String> = agents
        .into_iter()
        .flat_map(|agent| [agent.id.to_string(), agent.name])
        .collect();
    let groups: HashSet<String> = groups
        .into_iter()
        .flat_map(|group| [group.id.to_string(), group.name])
        .collect();
    let agents = targets.agents.iter().filter(|name| !agents.contains(*name));
    let groups = targets.groups.iter().filter(|name| !groups.contains(*name));
    let agents = agents.map(|name| format!("agent {name:?}, {GONE}"));
    let groups = groups.map(|name| format!("host group {name:?}, {GONE}"));
    let places = places.unclear.iter().map(|unclear| unclear.told(GONE));
    Ok(agents.chain(groups).chain(places).collect())
}

/// Agents and groups named one by one, as far as they are there and within reach.
pub(crate) async fn used_so_far(
    tx: &mut Tx<'_>,
    reach: &Reach,
    targets: &Targets,
) -> Result<Vec<(Used, i64)>> {
    let (agents, groups) = named(tx, reach, reach, targets).await?;
    let agents = agents.into_iter().map(|agent| (Used::Agent, agent.id.0));
    let groups = groups.into_iter().map(|group| (Used::Group, group.id.0));
    Ok(agents.chain(groups).collect())
}

async fn named(
    tx: &mut Tx<'_>,
    agents_reach: &Reach,
    groups_reach: &Reach,
    targets: &Targets,
) -> Result<(Vec<Target>, Vec<groups::Group>)> {
    let named = named_of(targets);
    let agents = if named.is_empty() {
        Vec::new()
    } else {
        agents::targets(tx, agents_reach, &[named], MAX_TARGETS).await?
    };
    let groups = groups::named(tx, groups_reach, &targets.groups).await?;
    Ok((agents, groups))
}

/// Hosts of a group as they are kept: agents and places by id. Each that is named must be one that the caller may see.
pub(super) async fn by_id(tx: &mut Tx<'_>, reach: &Reach, targets: &Targets) -> Result<Targets> {
    let places = Places::of(tx, reach, targets).await?;
    places.check(NOT_SEEN)?;
    let found = agents::targets(tx, reach, &[named_of(targets)], MAX_TARGETS).await?;
    let agents = ids_of(&targets.agents, &found).map_err(|_| {
        let message = "name an agent that is not there, or that you may not see";
        Error::invalid("targets.agents", message)
    })?;
    Ok(places.kept(Targets {
        agents,
        ..targets.clone()
    }))
}

/// The names of what is kept by its id.
#[derive(Debug, Default)]
pub(crate) struct Names {
    agents: HashMap<String, String>,
    groups: HashMap<String, String>,
    organizations: HashMap<String, String>,
    departments: HashMap<String, String>,
}

impl Names {
    /// As far as the caller may know them. Of very many only some: the others are shown by id.
    pub(crate) async fn of<'a>(
        tx: &mut Tx<'_>,
        agents_reach: &Reach,
        groups_reach: &Reach,
        all: impl Iterator<Item = &'a Targets> + Clone,
    ) -> Result<Self> {
        let ids: BTreeSet<i64> = all
            .clone()
            .flat_map(|targets| &targets.agents)
            .filter_map(|id| id.parse().ok())
            .take(MAX_NAMED)
            .collect();
        let wanted = Wanted {
            ids: ids.into_iter().collect(),
            ..Wanted::default()
        };
        let found = agents::targets(tx, agents_reach, &[wanted], MAX_TARGETS).await?;
        let groups: BTreeSet<String> = all
            .clone()
            .flat_map(|targets| &targets.groups)
            .take(MAX_NAMED)
            .cloned()
            .collect();
        let organizations = all.clone().flat_map(|targets| &targets.organizations).cloned();
        let organizations =
            places::names_of(tx, PlaceKind::Organization, agents_reach, organizations.collect()).await?;
        let departments = all.flat_map(|targets| &targets.departments).cloned();
        let departments =
            places::names_of(tx, PlaceKind::Department, agents_reach, departments.collect()).await?;
        let groups = groups::named(tx, groups_reach, &groups.into_iter().collect::<Vec<_>>()).await?;
        Ok(Self {
            agents: found
                .into_iter()
                .map(|target| (target.id.to_string(), target.name))
                .collect(),
            groups: groups
                .into_iter()
                .map(|group| (group.id.to_string(), group.name))
                .collect(),
            organizations,
            departments,
        })
    }

    pub(crate) fn shown(&self, targets: Targets) -> Targets {
        let named = |ids: Vec<String>, names: &HashMap<String, String>| {
            ids.into_iter()
                .map(|id| names.get(&id).cloned().unwrap_or(id))
                .collect()
        };
        Targets {
            agents: named(targets.agents, &self.agents),
            groups: named(targets.groups, &self.groups),
            organizations: named(targets.organizations, &self.organizations),
            departments: named(targets.departments, &self.departments),
            ..targets
        }
    }
}

/// Agents and groups that targets by id name one by one, and would miss. No organization and no department is ever deleted.
pub(crate) fn used(targets: &Targets) -> Vec<(Used, i64)> {
    let ids = |texts: &[String]| -> BTreeSet<i64> { texts.iter().filter_map(|id| id.parse().ok()).collect() };
    let agents = ids(&targets.agents).into_iter().map(|id| (Used::Agent, id));
    let groups = ids(&targets.groups).into_iter().map(|id| (Used::Group, id));
    agents.chain(groups).collect()
}

fn unknown(name: &str) -> Error {
    Error::invalid(
        "targets.agents",
        format!("there is no agent {name:?} on which you may run jobs"),
    )
}
