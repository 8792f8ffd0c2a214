//! What package managers print about what is installed.

use super::Installed;

/// State, name, architecture and version. Of another architecture than the host's the name says so, as apt's do.
pub(super) fn dpkg(text: &str, native: &str) -> Installed {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split('\t');
            let state = fields.next()?;
            let (name, architecture, version) = (fields.next()?, fields.next()?, fields.next()?);
            let name = if architecture == native || architecture == "all" {
                name.to_owned()
            } else {
                format!("{name}:{architecture}")
            };
            // Installed, whatever is wanted of it; what only left its configuration is not.
            (state.as_bytes().get(1) == Some(&b'i')).then(|| (name, version.to_owned()))
        })
        .collect()
}

/// The name as `dpkg` has it. apt too takes `all` and `native` for the host's own architecture.
pub(super) fn dpkg_name<'a>(name: &'a str, native: &str) -> &'a str {
    match name.split_once(':') {
        Some((own, architecture)) if [native, "native", "all"].contains(&architecture) => own,
        _ => name,
    }
}

/// Several versions of one package, as kernels have them, stand beside each other.
pub(super) fn rpm(text: &str) -> Installed {
    let mut installed = Installed::new();
    for (name, version) in text.lines().filter_map(|line| line.split_once('\t')) {
        installed
            .entry(name.to_owned())
            .and_modify(|versions| {
                versions.push_str(", ");
                versions.push_str(version);
            })
            .or_insert_with(|| version.to_owned());
    }
    installed
}

/// `musl-utils-1.2.5-r0`: the version begins behind the last but one hyphen.
pub(super) fn apk(text: &str) -> Installed {
    text.lines()
        .filter_map(|line| {
            let line = line.trim();
            let revision = line.rfind('-')?;
            let version = line[..revision].rfind('-')?;
            Some((line[..version].to_owned(), line[version + 1..].to_owned()))
        })
        .collect()
}

/// `name|version`
pub(super) fn choco(text: &str) -> Installed {
    text.lines()
        .filter_map(|line| line.trim().split_once('|'))
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .collect()
}

/// A table whose columns begin below their headings.
pub(super) fn winget(text: &str) -> Installed {
    let mut lines = text.lines().skip_while(|line| !line.contains("Version"));
    let Some(heading) = lines.next() else {
        return Installed::new();
    };
    let column = |name: &str| heading.find(name).map(|at| heading[..at].chars().count());
    let (Some(id), Some(version)) = (column("Id"), column("Version")) else {
        return Installed::new();
    };
    lines
        .filter(|line| !line.trim().bytes().all(|byte| byte == b'-'))
        .filter_map(|line| {
            let from =
                |start: usize, end: usize| -> String { line.chars().skip(start).take(end - start).collect() };
            let id = from(id, version).split_whitespace().next()?.to_owned();
            let version = from(version, usize::MAX).split_whitespace().next()?.to_owned();
            Some((id, version))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: Installed, expected: &[(&str, &str)]) {
        let found: Vec<_> = found
            .iter()
            .map(|(name, version)| (name.as_str(), version.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_another_architecture_than_the_hosts_stays_in_a_name() {
        for (asked, name) in [
            ("libc6", "libc6"),
            ("libc6:amd64", "libc6"),
            ("libc6:native", "libc6"),
            ("tzdata:all", "tzdata"),
            ("libc6:i386", "libc6:i386"),
        ] {
            assert_eq!(dpkg_name(asked, "amd64"), name);
        }
    }

    #[test]
    fn lists_of_installed_packages_are_read() {
        let text =
            "ii \tbash\tamd64\t5.2-1\nrc \tgone\tall\t1\nii \tlibc6\ti386\t2.36\nhi \theld\tall\t1:2\n";
        check(
            dpkg(text, "amd64"),
            &[("bash", "5.2-1"), ("held", "1:2"), ("libc6:i386", "2.36")],
        );
        check(
            rpm("bash\t5.2-1\nkernel\t6.1\nkernel\t6.2\n"),
            &[("bash", "5.2-1"), ("kernel", "6.1, 6.2")],
        );
        check(
            apk("musl-utils-1.2.5-r0\nbusybox-1.36.1-r29\nWARNING\n"),
            &[("busybox", "1.36.1-r29"), ("musl-utils", "1.2.5-r0")],
        );
        check(
            choco("git|2.47.0\r\n7zip|24.8.0\r\n"),
            &[("7zip", "24.8.0"), ("git", "2.47.0")],
        );
        let text = "   - \nName        Id          Version  Source\n------------------------------\nGit         Git.Git     2.47.0   winget\nSöme Täxt   Some.Text   1.0\n";
        check(winget(text), &[("Git.Git", "2.47.0"), ("Some.Text", "1.0")]);
        for damaged in ["", "x", "\t\t", "|", "-\n--"] {
            for parse in [rpm, apk, choco, winget] {
                parse(damaged);
            }
            dpkg(damaged, "amd64");
        }
    }
}
