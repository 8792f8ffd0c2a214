//! `cargo xtask tidy`: rules of this repository that neither the compiler nor clippy checks. Each check is a function
//! from the tree to findings, and each is shown able to fail by a test beside it.

mod edges;
mod markers;
mod paths;
mod places;
mod rooms;
mod sizes;
mod sql;

use std::fmt;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

/// One broken rule at one place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// The files that the checks look at.
#[derive(Debug)]
struct Tree {
    root: PathBuf,
    files: Vec<String>,
}

impl Tree {
    fn of(workspace: &Workspace) -> Result<Self> {
        Ok(Self {
            root: workspace.root.clone(),
            files: workspace.files()?,
        })
    }

    /// The text of a file; nothing for what is not UTF-8, such as an image, or was removed meanwhile.
    fn text(&self, path: &str) -> Option<String> {
        String::from_utf8(std::fs::read(self.root.join(path)).ok()?).ok()
    }

    /// Files whose name ends with one of the endings, with their text.
    fn texts<'a>(&'a self, endings: &'a [&'a str]) -> impl Iterator<Item = (&'a str, String)> + 'a {
        let wanted = move |path: &&String| endings.iter().any(|ending| path.ends_with(ending));
        self.files
            .iter()
            .filter(wanted)
            .filter_map(|path| Some((path.as_str(), self.text(path)?)))
    }

    fn exists(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// Names directly below a folder that ends with a slash: of folders and of files alike, once each.
    fn children(&self, folder: &str) -> Vec<&str> {
        let below = self.files.iter().filter_map(|path| path.strip_prefix(folder));
        let mut names: Vec<&str> = below.filter_map(|rest| rest.split('/').next()).collect();
        names.dedup();
        names
    }
}

type Check = fn(&Tree) -> Result<Vec<Finding>>;

const CHECKS: [(&str, Check); 7] = [
    ("crates use only what the map allows", edges::check),
    ("files stay below 800 lines", sizes::check),
    ("paths in the documents exist", paths::check),
    ("rooms have the same names everywhere", rooms::check),
    (
        "no test is switched off, no work is left undone without a reason",
        markers::check,
    ),
    ("nothing names one person's machine", places::check),
    ("SQL stays in the store", sql::check),
];

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let tree = Tree::of(workspace)?;
    let mut broken = 0;
    for (rule, check) in CHECKS {
        let mut findings = check(&tree)?;
        findings.sort();
        println!("{} {rule}", if findings.is_empty() { "ok  " } else { "FAIL" });
        for finding in &findings {
            println!("     {finding}");
        }
        broken += findings.len();
    }
    if broken > 0 {
        bail!("{broken} broken rules; each line above names the place");
    }
    println!("{} files are tidy", tree.files.len());
    Ok(())
}

#[cfg(test)]
mod testing {
    use super::*;

    /// A small repository in a temporary folder.
    #[derive(Debug)]
    pub(super) struct Sample {
        folder: tempfile::TempDir,
    }

    impl Sample {
        pub(super) fn new(files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().expect("a temporary folder");
            for (path, text) in files {
                let path = folder.path().join(path);
                std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
                std::fs::write(path, text).expect("a file");
            }
            Self { folder }
        }

        pub(super) fn path(&self, relative: &str) -> PathBuf {
            self.folder.path().join(relative)
        }

        /// What a check says, one line per finding.
        pub(super) fn findings(&self, check: Check) -> Vec<String> {
            let workspace = Workspace {
                root: self.folder.path().to_owned(),
            };
            let mut found = check(&Tree::of(&workspace).expect("a tree")).expect("the check runs");
            found.sort();
            found.iter().map(ToString::to_string).collect()
        }
    }

    #[track_caller]
    pub(super) fn expect(check: Check, files: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(Sample::new(files).findings(check), expected);
    }
}
