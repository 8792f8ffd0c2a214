//! Whether something that takes long has been done already for exactly these inputs.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A digest over files, kept beside the product after it was made. A different compiler may hash differently; then the
/// work is done once more, which is harmless.
#[derive(Debug)]
pub(crate) struct Fingerprint {
    stamp: PathBuf,
    digest: String,
}

impl Fingerprint {
    pub(crate) fn of(stamp: PathBuf, root: &Path, files: &[String]) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        for file in files {
            let content = std::fs::read(root.join(file)).with_context(|| format!("cannot read {file}"))?;
            (file, content).hash(&mut hasher);
        }
        Ok(Self {
            stamp,
            digest: format!("{:016x}", hasher.finish()),
        })
    }

    pub(crate) fn is_current(&self) -> bool {
        std::fs::read_to_string(&self.stamp).is_ok_and(|kept| kept == self.digest)
    }

    pub(crate) fn keep(&self) -> Result<()> {
        if let Some(folder) = self.stamp.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        std::fs::write(&self.stamp, &self.digest)
            .with_context(|| format!("cannot write {}", self.stamp.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_and_a_missing_stamp_are_not_current() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let stamp = folder.path().join("deep/stamp");
        let files = ["a".to_owned()];
        std::fs::write(folder.path().join("a"), "one").expect("a file");
        let first = Fingerprint::of(stamp.clone(), folder.path(), &files).expect("a digest");
        assert!(!first.is_current());
        first.keep().expect("a stamp");
        assert!(first.is_current());
        std::fs::write(folder.path().join("a"), "two").expect("a file");
        assert!(
            !Fingerprint::of(stamp, folder.path(), &files)
                .expect("a digest")
                .is_current()
        );
    }
}
