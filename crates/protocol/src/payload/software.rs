//! `software_install`: packages, through the package manager that is on the host.

use serde::{Deserialize, Serialize};

use super::{PayloadError, check_word, error};
use crate::limits::{PACKAGE_BYTES, PACKAGES};

/// What to do with which packages. Nothing is ever asked back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SoftwareInstall {
    pub action: SoftwareAction,
    /// At most 100. May be left out for `list` (all that is installed) and `upgrade` (all that can be).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
    /// The one that is there when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<PackageManager>,
    /// Fetch the lists of packages first, where the manager does not by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refresh: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Package {
    pub name: String,
    /// Exactly this version; the newest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SoftwareAction {
    Install,
    Upgrade,
    Remove,
    List,
}

impl SoftwareAction {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
            Self::Remove => "remove",
            Self::List => "list",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PackageManager {
    Apt,
    Dnf,
    Zypper,
    Apk,
    Winget,
    Choco,
}

impl PackageManager {
    pub const ALL: &'static [Self] = &[
        Self::Apt,
        Self::Dnf,
        Self::Zypper,
        Self::Apk,
        Self::Winget,
        Self::Choco,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Dnf => "dnf",
            Self::Zypper => "zypper",
            Self::Apk => "apk",
            Self::Winget => "winget",
            Self::Choco => "choco",
        }
    }
}

impl SoftwareInstall {
    pub(super) fn summary(&self) -> String {
        let names: Vec<String> = self
            .packages
            .iter()
            .map(|package| match &package.version {
                Some(version) => format!("{}={version}", package.name),
                None => package.name.clone(),
            })
            .collect();
        let what = if names.is_empty() {
            "all packages".to_owned()
        } else {
            names.join(" ")
        };
        format!("{} {what}", self.action.as_str())
    }

    pub(super) fn check(&self) -> Result<(), PayloadError> {
        let needed = matches!(self.action, SoftwareAction::Install | SoftwareAction::Remove);
        if needed && self.packages.is_empty() {
            return Err(error("packages", "is empty: name at least one"));
        }
        if self.packages.len() > PACKAGES {
            return Err(error("packages", format!("has more than {PACKAGES} entries")));
        }
        for (index, package) in self.packages.iter().enumerate() {
            let name = format!("packages[{index}].name");
            check_word(&name, &package.name, PACKAGE_BYTES)?;
            // Package managers read these as files, patterns or versions.
            if package.name.contains(['/', '*', '?', '[', '=', '<', '>']) {
                return Err(error(name, "is not a package's name"));
            }
            if let Some(version) = &package.version {
                let field = format!("packages[{index}].version");
                check_word(&field, version, PACKAGE_BYTES)?;
                if matches!(self.action, SoftwareAction::Remove | SoftwareAction::List) {
                    return Err(error(
                        field,
                        "means nothing here: only install and upgrade take a version",
                    ));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        limits::{PACKAGE_BYTES, PACKAGES},
        payload::{
            PackageManager,
            tests::{bad, good, unreadable},
        },
    };

    const KIND: &str = "software_install";

    fn of(action: &str, packages: Vec<Value>) -> Value {
        json!({"action": action, "packages": packages})
    }

    #[test]
    fn packages_may_be_left_out_where_all_can_be_meant() {
        for action in ["list", "upgrade"] {
            let payload = good(KIND, &json!({"action": action}));
            assert_eq!(payload.summary(), format!("{action} all packages"));
        }
        for action in ["install", "remove"] {
            bad(KIND, &json!({"action": action}), "packages");
        }
    }

    #[test]
    fn packages_are_counted() {
        let many = |count| of("install", vec![json!({"name": "nginx"}); count]);
        good(KIND, &many(PACKAGES));
        bad(KIND, &many(PACKAGES + 1), "packages");
    }

    #[test]
    fn a_name_is_no_option_file_or_pattern() {
        for name in [
            "nginx",
            "libstdc++6",
            "python3.11",
            "Mozilla.Firefox",
            "gcc:amd64",
            &"a".repeat(PACKAGE_BYTES),
        ] {
            good(KIND, &of("install", vec![json!({"name": name})]));
        }
        let long = "a".repeat(PACKAGE_BYTES + 1);
        for name in [
            "",
            "-y",
            "a b",
            "./a.deb",
            "/tmp/a.deb",
            "lib*",
            "a?",
            "a[b]",
            "a=1",
            "a>1",
            "a<1",
            "a\n",
            &long,
        ] {
            bad(
                KIND,
                &of("remove", vec![json!({"name": "ok"}), json!({"name": name})]),
                "packages[1].name",
            );
        }
    }

    #[test]
    fn a_version_is_for_what_is_installed() {
        let with =
            |action: &str, version: &str| of(action, vec![json!({"name": "nginx", "version": version})]);
        for action in ["install", "upgrade"] {
            let payload = good(KIND, &with(action, "1:2.3~rc1+deb12-1"));
            assert_eq!(payload.summary(), format!("{action} nginx=1:2.3~rc1+deb12-1"));
            for version in ["", "-1", "1 2", &"1".repeat(PACKAGE_BYTES + 1)] {
                bad(KIND, &with(action, version), "packages[0].version");
            }
        }
        for action in ["remove", "list"] {
            bad(KIND, &with(action, "1"), "packages[0].version");
        }
    }

    #[test]
    fn managers_are_known_by_name() {
        for manager in PackageManager::ALL {
            good(KIND, &json!({"action": "list", "manager": manager.as_str()}));
        }
        good(KIND, &json!({"action": "upgrade", "refresh": true}));
        unreadable(KIND, &json!({"action": "list", "manager": "pip"}));
    }

    #[test]
    fn nothing_else_is_taken() {
        unreadable(KIND, &json!({"action": "list", "options": "-y"}));
        unreadable(KIND, &of("install", vec![json!({"name": "nginx", "url": "x"})]));
        unreadable(KIND, &of("install", vec![json!("nginx")]));
        unreadable(KIND, &json!({"action": "purge", "packages": [{"name": "nginx"}]}));
    }
}
