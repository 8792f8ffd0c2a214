//! Texts that somebody else will parse, cut before any value is there.

use crate::expression::{Part, Path, SyntaxError, Template};

/// A command's arguments, cut by the quoting rules of a POSIX shell (2.2 of its standard) and by nothing else of it: no
/// variables, no globs, no operators. A placeholder is one letter of the argument that it stands in.
pub fn arguments(text: &str) -> Result<Vec<Template>, SyntaxError> {
    let mut splitter = Splitter::default();
    for part in Template::parse(text)?.into_parts() {
        match part {
            Part::Path(path, span) => splitter.take(Part::Path(path, span)),
            Part::Text(text) => text.chars().for_each(|letter| splitter.letter(letter)),
        }
    }
    splitter.end().ok_or_else(|| {
        SyntaxError::new(
            0..text.len(),
            "has a quote that does not end, or a backslash with nothing behind it",
        )
    })
}

#[derive(Debug, Default)]
struct Splitter {
    done: Vec<Template>,
    /// The argument that grows; one in quotes may be empty.
    open: Option<Template>,
    quote: Option<char>,
    escaped: bool,
}

impl Splitter {
    fn take(&mut self, part: Part) {
        self.open.get_or_insert_default().push(part);
        self.escaped = false;
    }

    fn literal(&mut self, letter: char) {
        self.take(Part::Text(letter.to_string()));
    }

    fn letter(&mut self, letter: char) {
        match (self.quote, letter) {
            // The line goes on.
            (None | Some('"'), '\n') if self.escaped => self.escaped = false,
            (None, _) if self.escaped => self.literal(letter),
            (Some('"'), '"' | '\\' | '$' | '`') if self.escaped => self.literal(letter),
            (Some('"'), _) if self.escaped => {
                self.literal('\\');
                self.literal(letter);
            }
            (None | Some('"'), '\\') => self.escaped = true,
            (Some(quote), _) if letter == quote => self.quote = None,
            (Some(_), _) => self.literal(letter),
            (None, '\'' | '"') => {
                self.quote = Some(letter);
                self.open.get_or_insert_default();
            }
            (None, _) if letter.is_whitespace() => self.done.extend(self.open.take()),
            (None, _) => self.literal(letter),
        }
    }

    fn end(mut self) -> Option<Vec<Template>> {
        if self.quote.is_some() || self.escaped {
            return None;
        }
        self.done.extend(self.open.take());
        Some(self.done)
    }
}

/// The first placeholder in a text that has no place for one. What only looks like one (`{{.Name}}`) is none.
pub(super) fn placeholder(text: &str) -> Option<Path> {
    let mut rest = text;
    while let Some(begin) = rest.find("{{") {
        rest = &rest[begin + 2..];
        if let Some(end) = rest.find("}}")
            && let Ok(path) = Path::parse(&rest[..end])
        {
            return Some(path);
        }
    }
    None
}

/// An address whose host is written down: values come behind it only.
pub fn address(text: &str) -> Result<Template, SyntaxError> {
    let template = Template::parse(text)?;
    let begin = text.find("://").map_or(0, |scheme| scheme + 3);
    let fixed = text[begin..]
        .find(['/', '?', '#'])
        .map_or(text.len(), |end| begin + end);
    for (path, span) in template.paths() {
        if span.start < fixed {
            let message = format!(
                "has {{{{{path}}}}} in the place of the scheme, host or port: who is called is written down"
            );
            return Err(SyntaxError::new(span, message));
        }
    }
    Ok(template)
}
