//! Scripts as files: code with a header of comments, or with a YAML file of the same name beside it.
//!
//! ```text
//! # ---
//! # name: rotate-logs
//! # parameters:
//! #   - {name: days, type: integer, default: 7}
//! # ---
//! find /var/log …
//! ```

use std::path::{Path, PathBuf};

use postern_api::scripts::{ScriptCreate, ScriptDefinition, ScriptDetail, ScriptKind};
use postern_protocol::{limits::SCRIPT_BYTES, payload::Language};
use serde::{Deserialize, Serialize};

use crate::{
    commands::jobs::request::{guess_language, read_script, read_text},
    failure::Failure,
    yaml::{self, Problem},
};

const FENCE: &str = "# ---";
/// Before each line of a header.
const MARK: &str = "# ";

/// What a header says besides the code.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    /// The file's name without its ending when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "is_script")]
    kind: ScriptKind,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<Language>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<postern_domain::parameter::Parameter>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    libraries: Vec<postern_api::scripts::LibraryLink>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run_as_user: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    requires_elevation: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    concurrency: Option<postern_api::jobs::Concurrency>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_script(kind: &ScriptKind) -> bool {
    *kind == ScriptKind::Script
}

/// The script files that a path means: itself, or those in a folder, in the order of their names.
pub(super) fn files_of(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: std::io::Error| Failure::usage(format!("{}: {error}", path.display()));
    if !path.metadata().map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let ending = file
            .extension()
            .and_then(|ending| ending.to_str())
            .unwrap_or_default();
        if matches!(ending, "sh" | "bash" | "py" | "ps1") && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        let message = format!("{}: has no .sh, .bash, .py or .ps1 files", path.display());
        return Err(Failure::usage(message));
    }
    Ok(files)
}

pub(super) fn read(path: &Path) -> Result<ScriptCreate, Failure> {
    // The server bounds the code; a header comes on top of it.
    let text = read_text(path, 2 * SCRIPT_BYTES)?;
    let beside = path.with_extension("yaml");
    match split(path, &text)? {
        Some(parts) => parts.assemble(path),
        None if beside.is_file() => {
            let header = header(&read_script(&beside)?).map_err(|problem| problem.in_file(&beside))?;
            assemble(path, header, text)
        }
        None => assemble(path, Header::default(), text),
    }
}

/// An empty one says nothing, and is none that lacks something.
fn header(text: &str) -> Result<Header, Problem> {
    if text.trim().is_empty() {
        Ok(Header::default())
    } else {
        yaml::parse(text)
    }
}

fn assemble(path: &Path, header: Header, content: String) -> Result<ScriptCreate, Failure> {
    let failed = |error: &str| Failure::usage(format!("{}: {error}", path.display()));
    let stem = path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
    let name = header.name.or(stem).ok_or_else(|| failed("has no name"))?;
    let language = header
        .language
        .or_else(|| guess_language(path, &content))
        .ok_or_else(|| failed("its language cannot be told: write `language: bash` into its header"))?;
    Ok(ScriptCreate {
        kind: header.kind,
        name,
        description: header.description,
        language,
        organization_id: None,
        department_id: None,
        definition: ScriptDefinition {
            content,
            parameters: header.parameters,
            libraries: header.libraries,
            timeout_seconds: header.timeout_seconds,
            run_as_user: header.run_as_user,
            requires_elevation: header.requires_elevation,
            concurrency: header.concurrency,
        },
        message: String::new(),
    })
}

/// A text with a header.
#[derive(Debug)]
struct Parts {
    header: String,
    /// Lines of the file above the first one of the header.
    above: u64,
    /// The code, byte for byte, and before it the line that names an interpreter.
    content: String,
}

impl Parts {
    fn assemble(self, path: &Path) -> Result<ScriptCreate, Failure> {
        let header = header(&self.header)
            .map_err(|problem| problem.inside(self.above, MARK.len() as u64).in_file(path))?;
        assemble(path, header, self.content)
    }
}

/// `None`: it has no header. From the first fence on all is a header until the second one: what breaks that off is a
/// mistake, and taking the text for code would lose what its header says.
fn split(path: &Path, text: &str) -> Result<Option<Parts>, Failure> {
    let (interpreter, mut rest) = match line(text) {
        (first, rest) if first.starts_with("#!") => (first, rest),
        _ => ("", text),
    };
    let mut next = || {
        let (first, behind) = line(rest);
        rest = behind;
        (!first.is_empty()).then_some(first)
    };
    if next().is_none_or(|first| first.trim_end() != FENCE) {
        return Ok(None);
    }
    let above = if interpreter.is_empty() { 1 } else { 2 };
    let broken = |number: u64, what: &str| {
        Failure::usage(format!(
            "{}:{number}: {what}: the lines of a header begin with '#', and behind them stands `{FENCE}`",
            path.display()
        ))
    };
    let mut header = String::new();
    for number in above + 1.. {
        let Some(line) = next() else {
            return Err(broken(above, "the header that begins here has no end"));
        };
        if line.trim_end() == FENCE {
            break;
        }
        let Some(line) = line.strip_prefix('#') else {
            return Err(broken(number, "the header above is not closed before this line"));
        };
        header.push_str(line.strip_prefix(' ').unwrap_or(line));
    }
    Ok(Some(Parts {
        header,
        above,
        content: format!("{interpreter}{rest}"),
    }))
}

/// The first line with its end, and what follows.
fn line(text: &str) -> (&str, &str) {
    text.split_at(text.find('\n').map_or(text.len(), |at| at + 1))
}

/// As a file that `read` reads.
pub(super) fn write(detail: &ScriptDetail) -> Result<String, Failure> {
    let definition = &detail.definition;
    let header = Header {
        name: Some(detail.script.name.clone()),
        kind: detail.script.kind,
        description: detail.script.description.clone(),
        language: Some(detail.script.language),
        parameters: definition.parameters.clone(),
        libraries: definition.libraries.clone(),
        timeout_seconds: definition.timeout_seconds,
        run_as_user: definition.run_as_user.clone(),
        requires_elevation: definition.requires_elevation,
        concurrency: definition.concurrency.clone(),
    };
    let yaml = serde_saphyr::to_string(&header).map_err(|error| Failure::Local(error.to_string()))?;
    let (interpreter, content) = match line(&definition.content) {
        (first, rest) if first.starts_with("#!") && first.ends_with('\n') => (first, rest),
        _ => ("", definition.content.as_str()),
    };
    let mut text = format!("{interpreter}{FENCE}\n");
    for line in yaml.lines() {
        // What follows a word may be part of a text over several lines.
        text.push_str(if line.is_empty() { "#" } else { MARK });
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(FENCE);
    text.push('\n');
    text.push_str(content);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "#!/bin/bash\n# ---\n# name: rotate-logs\n# description: \"Old: logs\"\n# parameters:\n#   - {name: days, type: integer, default: 7}\n#   - {name: token, type: secret, required: true}\n# libraries: [{library: log, version: 2}]\n# run_as_user: www-data\n# ---\necho \"$PARAM_DAYS\"\n\n# ---\necho end\n";

    #[test]
    fn a_file_says_all_of_a_script_and_survives_being_written() {
        let script = parsed("x/other.sh", TEXT).unwrap();
        assert_eq!(
            (script.name.as_str(), script.language),
            ("rotate-logs", Language::Bash)
        );
        assert_eq!(
            script.definition.content,
            "#!/bin/bash\necho \"$PARAM_DAYS\"\n\n# ---\necho end\n"
        );
        assert_eq!(script.definition.parameters.len(), 2);
        assert_eq!(written_and_read(&script), script);
    }

    /// Of a text with a header.
    fn parsed(path: &str, text: &str) -> Result<ScriptCreate, Failure> {
        let path = Path::new(path);
        let parts = split(path, text)?.unwrap_or_else(|| panic!("has no header:\n{text}"));
        parts.assemble(path)
    }

    fn written_and_read(script: &ScriptCreate) -> ScriptCreate {
        let shown = serde_json::json!({
            "id": 1, "kind": script.kind, "name": script.name, "description": script.description,
            "language": script.language, "version": 1, "organization_id": null, "department_id": null,
            "created_at": "2026-11-22T09:30:00Z", "created_by": "a", "updated_at": "2026-11-22T09:30:00Z",
            "updated_by": "a", "definition": script.definition, "sha256": "", "used_by": [],
        });
        let text = write(&serde_json::from_value(shown).unwrap()).unwrap();
        parsed("y.txt", &text).unwrap_or_else(|failure| panic!("{}:\n{text}", failure.lines().concat()))
    }

    fn script_of(description: &str, default: &str, content: &str) -> ScriptCreate {
        let value = serde_json::json!({
            "name": "a", "description": description, "language": "bash",
            "definition": {
                "content": content, "timeout_seconds": 7,
                "parameters": [{"name": "p", "type": "string", "description": description, "default": default}],
                "libraries": [{"library": "l"}],
            },
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn code_keeps_its_lines_as_they_end() {
        for content in [
            "echo no end",
            "echo a\r\necho b\r\n",
            "#!/bin/sh\r\necho a\r\n",
            "#!/bin/sh",
            "#!/bin/sh\n",
            "",
            "\n\n  \n",
            "a\rb",
            "# ---\n# name: other\n# ---\n",
            "#!/bin/sh\n# ---\n# name: other\n# ---\necho\n",
        ] {
            let script = script_of("", "", content);
            assert_eq!(written_and_read(&script), script, "{content:?}");
        }
    }

    #[test]
    fn a_header_may_have_been_written_on_another_system() {
        let text = TEXT.replace('\n', "\r\n");
        let script = parsed("x.sh", &text).unwrap();
        assert_eq!(script.name, "rotate-logs");
        assert_eq!(
            script.definition.content,
            "#!/bin/bash\r\necho \"$PARAM_DAYS\"\r\n\r\n# ---\r\necho end\r\n"
        );
    }

    /// Of what matters to lines, comments and YAML, and of anything else.
    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            6 => proptest::sample::select(vec![
                "#", "#!", " ", "\n", "\r\n", "\r", "\t", "---", "# ---", "# ---\n", "...", ":", "- ", "'", "\"", "|", ">",
                "yes", "null", "~", "0x1f", "1e3", "{", "]", "&a", "*a", "%", "\\", "\u{85}", "\u{2028}", "\u{feff}", "ü",
            ]).prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(description in texts(), default in texts(), content in texts()) {
            let script = script_of(&description, &default, &content);
            prop_assert_eq!(written_and_read(&script), script);
        }
    }

    #[test]
    fn a_file_without_a_header_is_named_after_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.py");
        std::fs::write(&path, "print(1)\n").unwrap();
        let script = read(&path).unwrap();
        assert_eq!(
            (script.name.as_str(), script.language),
            ("disk", Language::Python)
        );
        std::fs::write(
            folder.path().join("disk.yaml"),
            "name: disk-usage\ntimeout_seconds: 60\n",
        )
        .unwrap();
        let script = read(&path).unwrap();
        assert_eq!(
            (script.name.as_str(), script.definition.timeout_seconds),
            ("disk-usage", Some(60))
        );
        assert_eq!(files_of(folder.path()).unwrap(), [path]);
    }

    #[test]
    fn what_a_header_cannot_say_is_refused_with_its_line_in_the_file() {
        for (header, place) in [
            ("# naem: x\n", "a.sh:2:"),
            ("# name: a\n# kind: macro\n", "a.sh:3:"),
            ("# parameters: 7\n", "a.sh:2:"),
            ("# name: [\n", "a.sh:"),
        ] {
            let failure = parsed("a.sh", &format!("# ---\n{header}# ---\ntrue\n")).expect_err(header);
            assert!(
                failure.lines().concat().starts_with(place),
                "{header}: {failure:?}"
            );
        }
        let interpreted = parsed("a.sh", "#!/bin/sh\n# ---\n# naem: x\n# ---\n").expect_err("naem");
        assert!(
            interpreted.lines().concat().starts_with("a.sh:3:3: "),
            "{interpreted:?}"
        );
        assert!(parsed("a.txt", "# ---\n# ---\necho\n").is_err(), "no language");
    }

    #[test]
    fn a_header_that_is_broken_off_is_no_code() {
        for (text, place) in [
            (
                "# ---\n# name: hdr\n\n# parameters: []\n# ---\necho 1\n",
                "broken.sh:3: ",
            ),
            ("# ---\n# name: hdr\necho 1\n", "broken.sh:3: "),
            ("# ---\n# name: hdr\n", "broken.sh:1: "),
            ("# ---", "broken.sh:1: "),
            ("#!/bin/sh\n# ---\n# name: hdr\n", "broken.sh:2: "),
        ] {
            let failure = split(Path::new("broken.sh"), text).expect_err(text);
            assert!(
                failure.lines().concat().starts_with(place),
                "{text:?}: {failure:?}"
            );
        }
        for text in ["", "echo\n", "#!/bin/sh\n", "# --\n", "# a comment\n# ---\n"] {
            assert!(split(Path::new("a.sh"), text).unwrap().is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_file_beside_is_named_where_it_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.py");
        std::fs::write(&path, "print(1)\n").unwrap();
        std::fs::write(folder.path().join("disk.yaml"), "name: disk\ntimeout: 60\n").unwrap();
        let told = read(&path).expect_err("an unknown field").lines().concat();
        assert!(told.contains("disk.yaml:2:1: unknown field"), "{told}");
    }
}
