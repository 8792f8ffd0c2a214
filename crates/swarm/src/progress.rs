//! What a person sees while it runs, on standard error: standard output is left to the figures.

use std::io::Write as _;

pub(crate) fn say(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
}
