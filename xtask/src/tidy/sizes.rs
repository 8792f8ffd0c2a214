//! Files a person can hold in mind.

use anyhow::Result;

use super::{Finding, Tree};

const LINES_MAXIMUM: usize = 800;
const ENDINGS: [&str; 6] = [".rs", ".ts", ".tsx", ".css", ".sql", ".md"];
/// Written by a program, read by programs.
const GENERATED: [&str; 1] = ["web/src/api/schema.d.ts"];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let texts = tree.texts(&ENDINGS).filter(|(path, _)| !GENERATED.contains(path));
    let too_long = texts.filter_map(|(path, text)| {
        let lines = text.lines().count();
        let message = || format!("{lines} lines, {LINES_MAXIMUM} is the limit and 300 the aim: split it");
        (lines > LINES_MAXIMUM).then(|| Finding::new(path, LINES_MAXIMUM + 1, message()))
    });
    Ok(too_long.collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::expect;
    use super::check;

    #[test]
    fn the_limit_passes_and_one_line_more_fails() {
        let (limit, beyond) = ("x\n".repeat(800), "x\n".repeat(801));
        expect(check, &[("a.rs", &limit)], &[]);
        expect(
            check,
            &[("web/a.tsx", &beyond)],
            &["web/a.tsx:801: 801 lines, 800 is the limit and 300 the aim: split it"],
        );
    }

    #[test]
    fn generated_files_and_other_kinds_may_be_long() {
        let long = "x\n".repeat(2000);
        expect(
            check,
            &[
                ("web/src/api/schema.d.ts", &long),
                ("openapi/postern.json", &long),
            ],
            &[],
        );
    }
}
