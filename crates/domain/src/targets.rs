//! Which hosts something is for.

use serde::{Deserialize, Serialize};

use crate::{
    label::{self, Labels},
    selector::Selector,
};

/// Agents, groups or places named one by one.
pub const MAX_NAMED: usize = 1000;

/// The hosts: those named, those in the groups, and those that lie in one of the organizations or departments
/// and match labels and selector. Each host counts once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Targets {
    /// Names or ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    /// Every one of these.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// For example `env=prod,role in (web,api),!canary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub selector: Option<Selector>,
    /// Names or ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<String>,
    /// Names or ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departments: Vec<String>,
    /// Names or ids of host groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Every host on which the caller may run jobs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct TargetsError {
    /// The field that is wrong; none where all of them together are.
    pub field: Option<&'static str>,
    pub problem: String,
}

impl Targets {
    /// Whether they can mean hosts at all, as far as that is known without looking for any.
    pub fn check(&self) -> Result<(), TargetsError> {
        label::check(&self.labels).map_err(|error| wrong("labels", error.to_string()))?;
        for (field, names) in [
            ("agents", &self.agents),
            ("groups", &self.groups),
            ("organizations", &self.organizations),
            ("departments", &self.departments),
        ] {
            if names.len() > MAX_NAMED {
                return Err(wrong(
                    field,
                    format!("has more than {MAX_NAMED} names: use labels"),
                ));
            }
        }
        let problem = match (self.all, self.is_narrow()) {
            (true, true) => "has all together with something narrower: give one of them",
            (false, false) => {
                "names no host: give agents, labels, a selector, organizations, departments, groups or all"
            }
            _ => return Ok(()),
        };
        Err(TargetsError {
            field: None,
            problem: problem.to_owned(),
        })
    }

    /// Whether anything but `all` says which hosts.
    fn is_narrow(&self) -> bool {
        let has_parts = |selector: &Selector| !selector.parts().is_empty();
        !(self.agents.is_empty()
            && self.labels.is_empty()
            && self.groups.is_empty()
            && self.organizations.is_empty()
            && self.departments.is_empty())
            || self.selector.as_ref().is_some_and(has_parts)
    }
}

fn wrong(field: &'static str, problem: String) -> TargetsError {
    TargetsError {
        field: Some(field),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn checked(targets: Value) -> Result<(), TargetsError> {
        serde_json::from_value::<Targets>(targets).unwrap().check()
    }

    #[test]
    fn each_way_to_name_hosts_is_enough() {
        for targets in [
            json!({"agents": ["a"]}),
            json!({"labels": {"env": "prod"}}),
            json!({"selector": "env=prod"}),
            json!({"organizations": ["o"]}),
            json!({"departments": ["d"]}),
            json!({"groups": ["g"]}),
            json!({"all": true}),
            json!({"agents": vec!["a"; MAX_NAMED]}),
        ] {
            assert_eq!(checked(targets.clone()), Ok(()), "{targets}");
        }
    }

    #[test]
    fn what_can_mean_no_host_is_refused_with_its_field() {
        for (targets, field, part) in [
            (json!({}), None, "names no host"),
            (json!({"all": false, "agents": []}), None, "names no host"),
            (
                json!({"all": true, "selector": "env=prod"}),
                None,
                "something narrower",
            ),
            (
                json!({"agents": vec!["a"; MAX_NAMED + 1]}),
                Some("agents"),
                "more than 1000 names",
            ),
            (json!({"labels": {"": "x"}}), Some("labels"), "label key"),
        ] {
            let error = checked(targets).expect_err(part);
            assert_eq!(error.field, field, "{error}");
            assert!(error.problem.contains(part), "{error}");
        }
    }
}
