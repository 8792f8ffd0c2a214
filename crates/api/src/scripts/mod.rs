//! Scripts and libraries: saved code with parameters. A library is prepended to the scripts that link it.

mod check;

use std::{collections::BTreeMap, fmt};

use postern_domain::{
    DepartmentId, OrganizationId, ScriptId, Timestamp, job::Priority, parameter::Parameter, rollout::Rolling,
};
use postern_protocol::payload::Language;
use serde::{Deserialize, Serialize};

pub use check::{Wrong, check_definition, check_texts};

use crate::{jobs::Concurrency, targets::Targets, uses::NamedUser};

crate::wire! {
    #[derive(Copy, Eq, Default)]
    #[serde(rename_all = "lowercase")]
    pub enum ScriptKind {
        #[default]
        Script,
        Library,
    }

    /// A script or library without what it says.
    pub struct SavedScript {
        pub id: ScriptId,
        pub kind: ScriptKind,
        pub name: String,
        pub description: String,
        pub language: Language,
        /// Number of the newest version, from 1.
        pub version: u32,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub created_at: Timestamp,
        pub created_by: String,
        pub updated_at: Timestamp,
        pub updated_by: String,
    }

    pub struct ScriptDetail {
        #[serde(flatten)]
        pub script: SavedScript,
        /// What the newest version says.
        pub definition: ScriptDefinition,
        /// SHA-256 of content and definition.
        pub sha256: String,
        /// Scripts that link this library; actions and schedules that run this script.
        pub used_by: Vec<NamedUser>,
    }

    /// What a version says. A library has content only.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ScriptDefinition {
        /// At most 1 MiB.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pub content: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub parameters: Vec<Parameter>,
        /// Prepended in this order; of the same language.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub libraries: Vec<LibraryLink>,
        /// 1 to 604800; 300 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub timeout_seconds: Option<u32>,
        /// Local user to run as; the agent must run as root.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub run_as_user: Option<String>,
        /// Refuse where the agent does not run as root.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub requires_elevation: bool,
        /// At most one at a time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub concurrency: Option<Concurrency>,
    }

    #[serde(deny_unknown_fields)]
    pub struct LibraryLink {
        /// Name or id.
        pub library: String,
        /// Always this version; the newest at each run when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub version: Option<u32>,
    }

    #[serde(deny_unknown_fields)]
    pub struct ScriptCreate {
        #[serde(default)]
        pub kind: ScriptKind,
        pub name: String,
        #[serde(default)]
        pub description: String,
        pub language: Language,
        /// Where it belongs; the tenant when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub organization_id: Option<OrganizationId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub department_id: Option<DepartmentId>,
        pub definition: ScriptDefinition,
        /// What this version is for.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pub message: String,
    }

    /// What is absent stays. A definition that differs becomes a new version.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ScriptUpdate {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub description: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub definition: Option<ScriptDefinition>,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pub message: String,
        /// The version that was edited. Refused when there is a newer one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub based_on: Option<u32>,
    }

    #[serde(deny_unknown_fields)]
    pub struct ScriptClone {
        pub name: String,
    }

    #[serde(deny_unknown_fields)]
    pub struct ScriptRestore {
        pub version: u32,
    }

    pub struct ScriptVersionLine {
        pub version: u32,
        pub sha256: String,
        pub message: String,
        pub created_at: Timestamp,
        pub created_by: String,
    }

    pub struct ScriptVersion {
        #[serde(flatten)]
        pub line: ScriptVersionLine,
        pub definition: ScriptDefinition,
    }

    /// Code to look over before it is saved.
    #[serde(deny_unknown_fields)]
    pub struct ScriptCheck {
        pub language: Language,
        pub content: String,
    }

    /// What the parser bundled with the server stumbled over. It judges form only, and never keeps from saving.
    pub struct ScriptProblems {
        pub problems: Vec<ScriptProblem>,
    }

    pub struct ScriptProblem {
        /// From 1.
        pub line: u32,
        pub column: u32,
        pub message: String,
    }

    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ScriptRun {
        /// The newest when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub version: Option<u32>,
        /// Values by parameter, the secret ones as well.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub parameters: BTreeMap<String, ParameterValue>,
        pub targets: Targets,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub priority: Option<Priority>,
        /// The script's own when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub timeout_seconds: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub not_before: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub rolling: Option<Rolling>,
        /// The script's own when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub concurrency: Option<Concurrency>,
    }
}

/// A text, a number or a boolean. It may be secret, so it is never printed.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(value_type = Object))]
#[serde(transparent)]
pub struct ParameterValue(pub serde_json::Value);

impl fmt::Debug for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl ScriptKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Library => "library",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Script, Self::Library]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}
