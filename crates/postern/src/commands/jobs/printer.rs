//! Puts a job's output onto the console: each byte once, also after connecting again, and with the host in
//! front of each line when several write at once.

use postern_api::jobs::{OutputEvent, Segment, StreamName};

use crate::{output::Console, sanitize::Sanitizer};

/// A line longer than this is printed in pieces when hosts are mixed.
const LINE_BYTES: usize = 64 * 1024;
const RESET: &str = "\u{1b}[0m";

#[derive(Debug)]
pub(super) struct Printer<'a> {
    console: &'a Console,
    /// `web1 | `
    prefix: Option<String>,
    /// Only this stream, on standard output.
    only: Option<StreamName>,
    attempt: u32,
    stdout: Stream,
    stderr: Stream,
}

#[derive(Debug, Default)]
struct Stream {
    /// Offset of the first byte that was not printed yet.
    next: i64,
    sanitizer: Sanitizer,
    /// The unfinished line, when lines get a prefix.
    line: String,
}

impl<'a> Printer<'a> {
    pub(super) fn new(console: &'a Console, prefix: Option<String>, only: Option<StreamName>) -> Self {
        Self {
            console,
            prefix,
            only,
            attempt: 0,
            stdout: Stream::default(),
            stderr: Stream::default(),
        }
    }

    pub(super) fn output(&mut self, event: &OutputEvent) {
        if self.only.is_some_and(|only| only != event.stream) || event.attempt < self.attempt {
            return;
        }
        if event.attempt > self.attempt {
            self.finish();
            if self.attempt > 0 {
                self.console.note(&format!("attempt {}", event.attempt));
            }
            self.attempt = event.attempt;
            self.stdout = Stream::default();
            self.stderr = Stream::default();
        }
        let stream = match event.stream {
            StreamName::Stdout => &mut self.stdout,
            StreamName::Stderr => &mut self.stderr,
        };
        let Some(unseen) = unseen(stream.next, &event.segment) else {
            return;
        };
        stream.next = event.segment.offset.saturating_add(event.segment.bytes);
        if unseen.gap > 0 {
            let host = self.prefix.as_deref().unwrap_or_default();
            self.console
                .note(&format!("{host}[{} bytes were not kept]", unseen.gap));
        }
        self.print(event.stream, unseen.text);
    }

    /// The last line may have no end.
    pub(super) fn finish(&mut self) {
        for name in [StreamName::Stdout, StreamName::Stderr] {
            let stream = self.stream(name);
            let line = std::mem::take(&mut stream.line);
            if !line.is_empty() {
                self.print_line(name, &line);
            }
        }
    }

    fn stream(&mut self, name: StreamName) -> &mut Stream {
        match name {
            StreamName::Stdout => &mut self.stdout,
            StreamName::Stderr => &mut self.stderr,
        }
    }

    fn print(&mut self, name: StreamName, text: &str) {
        let clean = if self.console.is_terminal(self.target(name)) {
            self.stream(name).sanitizer.clean(text)
        } else {
            text.to_owned()
        };
        if self.prefix.is_none() {
            self.console.write(self.target(name), clean.as_bytes());
            return;
        }
        for piece in clean.split_inclusive('\n') {
            let line = &mut self.stream(name).line;
            // A carriage return would let one host overwrite the name in front of its line.
            line.extend(piece.chars().filter(|c| !matches!(c, '\n' | '\r')));
            if piece.ends_with('\n') || line.len() > LINE_BYTES {
                let line = std::mem::take(line);
                self.print_line(name, &line);
            }
        }
    }

    fn print_line(&self, name: StreamName, line: &str) {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        let reset = if line.contains('\u{1b}') { RESET } else { "" };
        self.console
            .write(self.target(name), format!("{prefix}{line}{reset}\n").as_bytes());
    }

    fn target(&self, name: StreamName) -> StreamName {
        if self.only.is_some() {
            StreamName::Stdout
        } else {
            name
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Unseen<'t> {
    /// Bytes between what was printed and this text.
    gap: i64,
    text: &'t str,
}

/// The part of a segment that lies at or after `next`. A segment counts bytes of the job, its text is UTF-8 in
/// which a run of one to three bad bytes became one U+FFFD (three bytes): the text is as long or longer.
fn unseen(next: i64, segment: &Segment) -> Option<Unseen<'_>> {
    let end = segment.offset.saturating_add(segment.bytes);
    if segment.bytes <= 0 || end <= next {
        return None;
    }
    if segment.offset >= next {
        return Some(Unseen {
            gap: segment.offset - next,
            text: &segment.text,
        });
    }
    let mut to_skip = next - segment.offset;
    let mut excess = i64::try_from(segment.text.len())
        .unwrap_or(i64::MAX)
        .saturating_sub(segment.bytes);
    let replaced = i64::try_from(segment.text.matches('\u{fffd}').count()).unwrap_or(i64::MAX);
    // Exact when all bad runs have one length, as in binary data; otherwise off by a few characters beside one.
    let all_single = excess == replaced.saturating_mul(2);
    for (at, c) in segment.text.char_indices() {
        if to_skip <= 0 {
            return Some(Unseen {
                gap: 0,
                text: &segment.text[at..],
            });
        }
        to_skip -= match c {
            '\u{fffd}' if all_single => 1,
            '\u{fffd}' if excess > 0 => {
                let shorter = excess.min(2);
                excess -= shorter;
                3 - shorter
            }
            _ => i64::try_from(c.len_utf8()).unwrap_or(4),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(offset: i64, bytes: i64, text: &str) -> Segment {
        Segment {
            offset,
            bytes,
            text: text.into(),
        }
    }

    fn check(next: i64, segment: &Segment, expected: Option<(i64, &str)>) {
        let found = unseen(next, segment).map(|unseen| (unseen.gap, unseen.text));
        assert_eq!(found, expected, "{next} {segment:?}");
    }

    #[test]
    fn what_was_printed_is_not_printed_again() {
        let hello = segment(10, 5, "hello");
        check(0, &hello, Some((10, "hello")));
        check(10, &hello, Some((0, "hello")));
        check(12, &hello, Some((0, "llo")));
        check(15, &hello, None);
        check(99, &hello, None);
        check(0, &segment(0, 0, ""), None);
        check(2, &segment(0, 5, "äöx"), Some((0, "öx")));
        let binary = segment(0, 4, "\u{fffd}\u{fffd}ab");
        check(1, &binary, Some((0, "\u{fffd}ab")));
        check(2, &binary, Some((0, "ab")));
        check(3, &segment(0, 4, "\u{fffd}b"), Some((0, "b")));
    }

    proptest! {
        #[test]
        fn connecting_again_anywhere_prints_each_byte_once(
            text in "[a-zä✓😀\n]{1,40}",
            split in 0_usize..40,
            again in 0_usize..40,
        ) {
            let boundary = |nth: usize| text.char_indices().map(|(at, _)| at).nth(nth).unwrap_or(text.len());
            let (split, again) = (boundary(split), boundary(again));
            let part = |from: usize, to: usize| segment(
                i64::try_from(from).unwrap(),
                i64::try_from(to - from).unwrap(),
                &text[from..to],
            );
            // First the text up to `split`; then, connected again, all of it in two other pieces.
            let mut printed = String::new();
            let mut next = 0;
            for piece in [part(0, split), part(0, again), part(again, text.len())] {
                if let Some(unseen) = unseen(next, &piece) {
                    printed.push_str(unseen.text);
                    next = piece.offset + piece.bytes;
                }
            }
            prop_assert_eq!(printed, text);
        }
    }
}
