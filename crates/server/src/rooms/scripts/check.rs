//! A look at the form of code before it is saved, by parsers inside the server (tree-sitter's grammars for Bash, Python
//! and PowerShell). They know the languages well, not every corner of them: what they find is a hint.
//!
//! Some texts of full size take such a parser very long. So it works beside the threads that answer requests, a few texts
//! at a time, and is stopped when its time is over or when nobody waits for it any more.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use postern_api::scripts::{ScriptCheck, ScriptProblem, ScriptProblems};
use postern_protocol::{limits::SCRIPT_BYTES, payload::Language};
use tokio::{sync::Semaphore, time::timeout};
use tree_sitter::{Node, ParseOptions, Parser, TreeCursor};

use crate::error::{Error, Result};

/// Problems that are told; one mistake may cause many.
const MOST: usize = 20;
/// Of the text that is quoted.
const QUOTED: usize = 40;
/// Texts looked over at the same time: each takes a core.
const AT_ONCE: usize = 2;
/// For a text, and before it for its turn.
const WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Checks {
    turns: Arc<Semaphore>,
    within: Duration,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            within: WITHIN,
        }
    }
}

impl Checks {
    pub(super) async fn script_check(&self, request: ScriptCheck) -> Result<ScriptProblems> {
        if request.content.len() > SCRIPT_BYTES {
            return Err(Error::invalid(
                "content",
                format!("is larger than {SCRIPT_BYTES} bytes"),
            ));
        }
        let turn = timeout(self.within, self.turns.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| Error::RateLimited {
            retry_after_seconds: WITHIN.as_secs(),
        })?;
        let watch = Watch::default();
        let over = watch.0.clone();
        let look = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            look(&request, &over)
        });
        match timeout(self.within, look).await {
            Ok(looked) => looked.map_err(|error| Error::Internal(error.to_string()))?,
            Err(_) => Ok(ScriptProblems {
                problems: vec![ScriptProblem {
                    line: 1,
                    column: 1,
                    message: format!(
                        "not looked over to its end: that takes longer than {} s",
                        WITHIN.as_secs()
                    ),
                }],
            }),
        }
    }
}

/// Nobody waits any more once this is gone.
#[derive(Default)]
struct Watch(Arc<AtomicBool>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// In full, unless it is over before.
fn look(request: &ScriptCheck, over: &AtomicBool) -> Result<ScriptProblems> {
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
    let bytes = request.content.as_bytes();
    let mut go_on = |_: &_| match over.load(Ordering::Relaxed) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    let tree = parser
        .parse_with_options(
            &mut |at, _| bytes.get(at..).unwrap_or_default(),
            None,
            Some(ParseOptions::new().progress_callback(&mut go_on)),
        )
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

    fn request(language: Language, content: &str) -> ScriptCheck {
        ScriptCheck {
            language,
            content: content.to_owned(),
        }
    }

    fn lines(language: Language, content: &str) -> Vec<u32> {
        let found = look(&request(language, content), &AtomicBool::new(false)).unwrap();
        found.problems.iter().map(|problem| problem.line).collect()
    }

    /// Of full size.
    fn long() -> ScriptCheck {
        request(Language::Bash, &"echo \"${a[1]}\"\n".repeat(SCRIPT_BYTES / 16))
    }

    #[tokio::test]
    async fn a_look_does_not_hold_up_what_else_the_thread_does() {
        let checks = Checks::default();
        let look = checks.script_check(long());
        tokio::pin!(look);
        tokio::select! {
            biased;
            _ = &mut look => panic!("nothing else was done meanwhile"),
            () = tokio::task::yield_now() => {}
        }
        look.await.unwrap();
    }

    #[tokio::test]
    async fn what_takes_too_long_is_given_up_and_makes_room() {
        let checks = Checks {
            within: Duration::ZERO,
            ..Checks::default()
        };
        for _ in 0..AT_ONCE {
            let found = checks.script_check(long()).await.unwrap();
            assert!(
                found.problems[0]
                    .message
                    .starts_with("not looked over to its end")
            );
        }
        // Each keeps its turn until its parser has stopped.
        let turns = u32::try_from(AT_ONCE).unwrap();
        let all = timeout(WITHIN, checks.turns.acquire_many(turns))
            .await
            .unwrap()
            .unwrap();
        let refused = checks.script_check(long()).await.unwrap_err();
        assert!(matches!(refused, Error::RateLimited { .. }), "{refused}");
        drop(all);
        let over = AtomicBool::new(true);
        assert!(look(&long(), &over).is_err(), "stopped in the middle");
    }

    #[tokio::test]
    async fn a_text_has_its_bound() {
        let mut text = long();
        text.content = "#".repeat(SCRIPT_BYTES);
        assert!(Checks::default().script_check(text.clone()).await.is_ok());
        text.content.push('#');
        assert!(Checks::default().script_check(text).await.is_err());
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
