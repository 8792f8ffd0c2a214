//! Which hosts something is for.

use serde::{Deserialize, Serialize};

use crate::{label::Labels, selector::Selector};

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
