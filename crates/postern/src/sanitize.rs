//! What came from a host is hostile: a terminal gets its text and its colours, and no other control sequence.

/// Longest sequence that is still believed to be a colour.
const SEQUENCE_BYTES: usize = 64;

/// Takes text in pieces, split anywhere, and leaves out every control sequence but SGR (`ESC [ … m`), and every
/// control character but newline, tab and carriage return.
#[derive(Debug, Default)]
pub(crate) struct Sanitizer {
    state: State,
    /// The sequence read so far, kept because only its end tells whether it is a colour.
    sequence: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Escape,
    /// After `ESC [`.
    Control,
    /// A text meant for the terminal itself (title, clipboard, link): up to BEL or ST.
    Command,
    /// After `ESC` and an intermediate character: one final character follows.
    Intermediate,
}

impl Sanitizer {
    pub(crate) fn clean(&mut self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        for c in text.chars() {
            self.read(c, &mut clean);
        }
        clean
    }

    fn read(&mut self, c: char, clean: &mut String) {
        self.state = match (self.state, c) {
            // A new escape, CAN and SUB abandon any sequence. `ESC \` (ST) falls through to text.
            (_, '\u{1b}') => State::Escape,
            (state, '\u{18}' | '\u{1a}') if state != State::Text => State::Text,
            (State::Text, _) => self.text(c, clean),
            (State::Escape, '[') => self.start_control(),
            (State::Escape, ']' | 'P' | 'X' | '^' | '_') => State::Command,
            (State::Escape | State::Intermediate, ' '..='/') => State::Intermediate,
            (State::Escape | State::Intermediate, _) => State::Text,
            (State::Control, _) => self.control(c, clean),
            (State::Command, '\u{7}' | '\u{9c}') => State::Text,
            (State::Command, _) => State::Command,
        };
    }

    fn text(&mut self, c: char, clean: &mut String) -> State {
        match c {
            '\u{9b}' => return self.start_control(),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => return State::Command,
            '\n' | '\t' | '\r' => clean.push(c),
            _ if c.is_control() || is_direction(c) => {}
            _ => clean.push(c),
        }
        State::Text
    }

    fn start_control(&mut self) -> State {
        self.sequence.clear();
        State::Control
    }

    fn control(&mut self, c: char, clean: &mut String) -> State {
        match c {
            'm' if self.sequence.len() <= SEQUENCE_BYTES
                && self.sequence.chars().all(is_colour_parameter) =>
            {
                clean.push_str("\u{1b}[");
                clean.push_str(&self.sequence);
                clean.push('m');
                State::Text
            }
            '@'..='~' => State::Text,
            ' '..='?' => {
                if self.sequence.len() <= SEQUENCE_BYTES {
                    self.sequence.push(c);
                }
                State::Control
            }
            // Not part of any sequence: the terminal would act on it at once.
            _ => self.text(c, clean),
        }
    }
}

const fn is_colour_parameter(c: char) -> bool {
    matches!(c, '0'..='9' | ';' | ':')
}

/// Characters that reorder what stands around them can make a line read as its opposite.
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// For a cell, a name or a message: one line, no control sequence, no colour.
pub(crate) fn line(text: &str) -> String {
    let mut sanitizer = Sanitizer::default();
    let mut plain = String::with_capacity(text.len());
    let cleaned = sanitizer.clean(text);
    let mut rest = cleaned.as_str();
    while let Some(start) = rest.find('\u{1b}') {
        plain.push_str(&rest[..start]);
        rest = rest[start..].split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain.replace(['\n', '\t', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(Sanitizer::default().clean(text), expected, "{text:?}");
    }

    #[test]
    fn text_and_colours_pass() {
        check("a\tb\r\nü✓", "a\tb\r\nü✓");
        check(
            "\u{1b}[1;31mred\u{1b}[0m \u{1b}[38:5:9mx\u{1b}[m",
            "\u{1b}[1;31mred\u{1b}[0m \u{1b}[38:5:9mx\u{1b}[m",
        );
        check("\u{9b}32mgreen", "\u{1b}[32mgreen");
    }

    #[test]
    fn everything_else_is_left_out() {
        check("a\u{1b}[2J\u{1b}[Hb", "ab");
        check("a\u{1b}]0;title\u{7}b", "ab");
        check("a\u{1b}]52;c;ZXZpbA==\u{1b}\\b", "ab");
        check("a\u{1b}]8;;http://evil\u{1b}\\link\u{1b}]8;;\u{1b}\\b", "alinkb");
        check("a\u{1b}P1$q\u{1b}\\b\u{90}x\u{9c}c", "abc");
        check("a\u{1b}cb\u{1b}(Bc\u{1b}7d", "abcd");
        check("a\u{7}\u{8}\u{0}\u{7f}\u{85}b", "ab");
        check("a\u{1b}[>4;2mb\u{1b}[?25lc", "abc");
        check("a\u{202e}b\u{2066}c", "abc");
        check("a\u{1b}[31\u{18}mb", "amb");
    }

    #[test]
    fn a_colour_at_the_bound_passes_and_one_beyond_does_not() {
        let at = format!("\u{1b}[{}m", "1".repeat(SEQUENCE_BYTES));
        check(&at, &at);
        check(&format!("\u{1b}[{}mx", "1".repeat(SEQUENCE_BYTES + 1)), "x");
    }

    #[test]
    fn a_line_is_one_line_without_colour() {
        assert_eq!(line("a\nb\u{1b}[31mc\u{1b}[0md\u{1b}]0;t\u{7}"), "a bcd");
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_text_and_no_sequence_but_colours(
            text in "[a-z\u{1b}\u{9b}\u{7}\\[\\]0-9;m?P\\\\\n ]{0,40}",
            cut in 0_usize..40,
        ) {
            let cut = text.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(text.len());
            let mut sanitizer = Sanitizer::default();
            let split = sanitizer.clean(&text[..cut]) + &sanitizer.clean(&text[cut..]);
            let whole = Sanitizer::default().clean(&text);
            prop_assert_eq!(&split, &whole);
            for after in whole.split('\u{1b}').skip(1) {
                let parameters = after.strip_prefix('[').unwrap().split('m').next().unwrap();
                prop_assert!(after.contains('m') && parameters.chars().all(is_colour_parameter));
            }
        }
    }
}
