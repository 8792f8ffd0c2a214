//! A look at the form of code before it is saved, by parsers inside the server (tree-sitter's grammars for Bash, Python
//! and PowerShell). They know the languages well, not every corner of them: what they find is a hint.

use postern_api::scripts::{ScriptCheck, ScriptProblem, ScriptProblems};
use postern_protocol::{limits::SCRIPT_BYTES, payload::Language};
use tree_sitter::{Node, Parser, TreeCursor};

use crate::error::{Error, Result};

/// Problems that are told; one mistake may cause many.
const MOST: usize = 20;
/// Of the text that is quoted.
const QUOTED: usize = 40;

pub(super) fn script_check(request: &ScriptCheck) -> Result<ScriptProblems> {
    if request.content.len() > SCRIPT_BYTES {
        return Err(Error::invalid(
            "content",
            format!("is larger than {SCRIPT_BYTES} bytes"),
        ));
    }
    let language = match request.language {
        Language::Bash => tree_sitter_bash::LANGUAGE,
        Language::Python => tree_sitter_python::LANGUAGE,
        Language::Powershell => tree_sitter_powershell::LANGUAGE,
    };
    let internal =
        |what: &str| Error::Internal(format!("the parser for {}: {what}", request.language.as_str()));
    let mut parser = Parser::new();
    parser
        .set_language(&language.into())
        .map_err(|error| internal(&error.to_string()))?;
    let tree = parser
        .parse(&request.content, None)
        .ok_or_else(|| internal("gave up"))?;
    let mut problems = Vec::new();
    if tree.root_node().has_error() {
        collect(&mut tree.walk(), &request.content, &mut problems);
    }
    Ok(ScriptProblems { problems })
}

/// Goes down only where something is wrong.
fn collect(cursor: &mut TreeCursor<'_>, content: &str, problems: &mut Vec<ScriptProblem>) {
    loop {
        let node = cursor.node();
        if node.is_error() || node.is_missing() {
            problems.push(problem(node, content));
        } else if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        if problems.len() >= MOST {
            return;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

fn problem(node: Node<'_>, content: &str) -> ScriptProblem {
    let at = node.start_position();
    let number = |index: usize| u32::try_from(index + 1).unwrap_or(u32::MAX);
    let message = if node.is_missing() {
        format!("{:?} is missing here", node.kind())
    } else {
        let text = content.get(node.byte_range()).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        format!(
            "not understood: {}",
            line.chars().take(QUOTED).collect::<String>()
        )
    };
    ScriptProblem {
        line: number(at.row),
        column: number(at.column),
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(language: Language, content: &str) -> Vec<u32> {
        let request = ScriptCheck {
            language,
            content: content.to_owned(),
        };
        let problems = script_check(&request)
            .map(|found| found.problems)
            .unwrap_or_default();
        problems.iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn good_code_has_no_problems() {
        let bash = "#!/bin/bash\nset -euo pipefail\nfor f in \"$@\"; do\n  case $f in a) echo \"${f%%.*}\" ;; *) : ;; esac\ndone\ncat <<'EOF'\n$x\nEOF\n";
        let python = "import sys\n\ndef main(x: int) -> int:\n    return f\"{x!r}\" if x else 0\n\nmatch main(1):\n    case 0: pass\n";
        let powershell = "param($a)\nforeach ($x in Get-ChildItem) { Write-Output \"$($x.Name)\" }\n";
        assert_eq!(lines(Language::Bash, bash), Vec::<u32>::new());
        assert_eq!(lines(Language::Python, python), Vec::<u32>::new());
        assert_eq!(lines(Language::Powershell, powershell), Vec::<u32>::new());
    }

    #[test]
    fn a_mistake_is_found_near_its_line() {
        assert!(!lines(Language::Bash, "echo a\nif true; then\n  echo b\n").is_empty());
        assert_eq!(
            lines(Language::Python, "x = 1\ndef f(:\n    pass\n").first(),
            Some(&2)
        );
        assert!(!lines(Language::Powershell, "if ($a) {\n  Write-Output 1\n").is_empty());
    }

    #[test]
    fn deep_nesting_and_junk_end_in_an_answer() {
        let deep = "(".repeat(20_000);
        for language in Language::ALL {
            assert!(lines(*language, &deep).len() <= MOST);
            assert!(lines(*language, "\u{0}\u{1}}{)(][\"'`$").len() <= MOST);
        }
    }
}
