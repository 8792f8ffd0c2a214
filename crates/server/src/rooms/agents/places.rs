//! Organizations and departments that targets name. Each must be one that is there and within reach: hosts are neither left
//! out in silence nor taken from another place that has the name now.

use std::collections::{BTreeSet, HashMap, HashSet};

use postern_api::targets::Targets;
use postern_domain::{DepartmentId, OrganizationId, permission::Reach, targets::MAX_NAMED};
use postern_store::{
    Tx,
    agents::{NamedPlace, PlaceKind, places_named},
};

use crate::error::{Error, Result};

/// Why a place is refused that is not there for somebody who is about to run jobs.
pub(super) const NO_JOBS: &str =
    "which is not there, or where you may not run jobs: give the name or id of another";
/// The same for somebody who saves a choice of hosts.
pub(super) const NOT_SEEN: &str =
    "which is not there, or which you may not see: give the name or id of another";

/// Ids of places with the same name that a refusal tells.
const TOLD: usize = 10;
/// No place has this id.
const NOWHERE: i64 = 0;

/// The places of targets by id, in the order in which they are named.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) organizations: Vec<OrganizationId>,
    pub(super) departments: Vec<DepartmentId>,
    /// Names that mean no place, or several. In the place of each there is an id without hosts.
    pub(super) unclear: Vec<Unclear>,
}

impl Places {
    /// As far as they are within reach. A department is looked for in the organizations that are named beside it.
    pub(super) async fn of(tx: &mut Tx<'_>, reach: &Reach, targets: &Targets) -> Result<Self> {
        let mut unclear = Vec::new();
        let kind = PlaceKind::Organization;
        let found = places_named(tx, kind, reach, &targets.organizations).await?;
        let organizations: Vec<OrganizationId> =
            ids_of((kind, ""), &targets.organizations, &found, &mut unclear)
                .into_iter()
                .map(OrganizationId)
                .collect();
        let kind = PlaceKind::Department;
        let mut found = places_named(tx, kind, reach, &targets.departments).await?;
        let mut within = "";
        if !organizations.is_empty() {
            found.retain(|department| organizations.contains(&department.organization_id));
            within = " of the organizations that are named";
        }
        let mut unclear_departments = Vec::new();
        let departments = ids_of(
            (kind, within),
            &targets.departments,
            &found,
            &mut unclear_departments,
        );
        // Where its organization is not known, a department cannot be told either.
        if unclear.is_empty() {
            unclear = unclear_departments;
        }
        Ok(Self {
            organizations,
            departments: departments.into_iter().map(DepartmentId).collect(),
            unclear,
        })
    }

    /// Refuses what does not mean one place each. `gone`: what is said of one that is not found.
    pub(super) fn check(&self, gone: &str) -> Result<()> {
        match self.unclear.first() {
            None => Ok(()),
            Some(unclear) => Err(Error::invalid(
                unclear.field(),
                format!("name {}", unclear.told(gone)),
            )),
        }
    }

    /// The targets as they are kept, with ids for these.
    pub(super) fn kept(&self, targets: Targets) -> Targets {
        Targets {
            organizations: self.organizations.iter().map(OrganizationId::to_string).collect(),
            departments: self.departments.iter().map(DepartmentId::to_string).collect(),
            ..targets
        }
    }
}

/// A name that means no place, or several.
#[derive(Debug)]
pub(super) struct Unclear {
    kind: PlaceKind,
    /// In which organizations it was looked for, where not in all.
    within: &'static str,
    name: String,
    /// Those that have the name.
    ids: Vec<i64>,
}

impl Unclear {
    const fn field(&self) -> &'static str {
        match self.kind {
            PlaceKind::Organization => "targets.organizations",
            PlaceKind::Department => "targets.departments",
        }
    }

    /// `organization "north", which is not there`
    pub(super) fn told(&self, gone: &str) -> String {
        let word = match self.kind {
            PlaceKind::Organization => "organization",
            PlaceKind::Department => "department",
        };
        let (name, within) = (&self.name, self.within);
        if self.ids.is_empty() {
            return format!("{word} {name:?}{within}, {gone}");
        }
        let ids: Vec<String> = self.ids.iter().take(TOLD).map(i64::to_string).collect();
        let more = if self.ids.len() > TOLD { ", …" } else { "" };
        format!(
            "{word} {name:?}{within}, of which there are several: give the id of the one that is meant ({}{more})",
            ids.join(", ")
        )
    }
}

/// A number is an id, all else a name.
fn is_id(name: &str) -> bool {
    name.parse::<i64>().is_ok()
}

fn ids_of(
    (kind, within): (PlaceKind, &'static str),
    names: &[String],
    found: &[NamedPlace],
    unclear: &mut Vec<Unclear>,
) -> Vec<i64> {
    let there: HashSet<i64> = found.iter().map(|place| place.id).collect();
    let mut by_name: HashMap<&str, Vec<i64>> = HashMap::new();
    for place in found {
        by_name.entry(place.name.as_str()).or_default().push(place.id);
    }
    let meant = |name: &String| match name.parse::<i64>() {
        Ok(id) => there.get(&id).copied().into_iter().collect::<Vec<i64>>(),
        Err(_) => by_name.get(name.as_str()).cloned().unwrap_or_default(),
    };
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        let all: Vec<i64> = meant(name);
        if let [id] = all[..] {
            ids.push(id);
        } else {
            ids.push(NOWHERE);
            unclear.push(Unclear {
                kind,
                within,
                name: name.clone(),
                ids: all,
            });
        }
    }
    ids
}

/// Names of places that are kept by their ids, as far as they are within reach. One that others have too, or that is a number,
/// is left out: given again it would mean something else.
pub(super) async fn names_of(
    tx: &mut Tx<'_>,
    kind: PlaceKind,
    reach: &Reach,
    ids: BTreeSet<String>,
) -> Result<HashMap<String, String>> {
    let ids: Vec<String> = ids.into_iter().filter(|id| is_id(id)).take(MAX_NAMED).collect();
    let found = places_named(tx, kind, reach, &ids).await?;
    let names = found.iter().map(|place| place.name.clone());
    let names: Vec<String> = names.filter(|name| !is_id(name)).collect();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for place in places_named(tx, kind, reach, &names).await? {
        *counts.entry(place.name).or_default() += 1;
    }
    Ok(found
        .into_iter()
        .filter(|place| counts.get(&place.name) == Some(&1))
        .map(|place| (place.id.to_string(), place.name))
        .collect())
}
