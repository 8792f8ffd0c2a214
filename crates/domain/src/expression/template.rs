//! Texts with placeholders: `Deploy {{step_build.json.version}}?`.

use std::ops::Range;

use serde_json::Value;

use super::{
    EvaluationError, MAX_PLACEHOLDERS, MAX_RENDERED, Path, SyntaxError, Variables,
    token::{Token, tokens},
};

/// A text that was taken apart once. `{{"…"}}` stands for the text in the quotes: `{{"{{"}}` for two braces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Path(Path, Range<usize>),
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut parts = Vec::new();
        let (mut position, mut count) = (0, 0);
        while let Some(found) = text[position..].find("{{") {
            let begin = position + found;
            if found > 0 {
                parts.push(Part::Text(text[position..begin].to_owned()));
            }
            let inside = begin + 2;
            let length = closing(&text[inside..]).ok_or_else(|| {
                let message =
                    "this placeholder does not end: }} is missing. Two braces are written {{\"{{\"}}";
                SyntaxError::new(begin..text.len(), message)
            })?;
            let content = &text[inside..inside + length];
            parts.push(
                part(content)
                    .map_err(|error| error.shifted(inside))?
                    .at(begin..inside + length + 2),
            );
            count += 1;
            if count > MAX_PLACEHOLDERS {
                let message = format!("a text has at most {MAX_PLACEHOLDERS} placeholders");
                return Err(SyntaxError::new(begin..text.len(), message));
            }
            position = inside + length + 2;
        }
        if position < text.len() {
            parts.push(Part::Text(text[position..].to_owned()));
        }
        Ok(Self { parts })
    }

    pub(crate) fn into_parts(self) -> Vec<Part> {
        self.parts
    }

    /// Joins neighbouring texts.
    pub(crate) fn push(&mut self, part: Part) {
        match (self.parts.last_mut(), part) {
            (Some(Part::Text(before)), Part::Text(text)) => before.push_str(&text),
            (_, part) => self.parts.push(part),
        }
    }

    pub fn paths(&self) -> impl Iterator<Item = (&Path, Range<usize>)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Path(path, span) => Some((path, span.clone())),
            Part::Text(_) => None,
        })
    }

    /// Whether it is a placeholder and nothing else: then its value keeps its type.
    pub fn is_one_placeholder(&self) -> bool {
        matches!(self.parts.as_slice(), [Part::Path(..)])
    }

    /// The value as it is where the text is one placeholder and nothing else, else a text.
    pub fn value(&self, variables: &dyn Variables) -> Result<Value, EvaluationError> {
        match self.parts.as_slice() {
            [Part::Path(path, _)] => found(variables, path),
            _ => self.text(variables).map(Value::String),
        }
    }

    /// Texts as they are, everything else as JSON.
    pub fn text(&self, variables: &dyn Variables) -> Result<String, EvaluationError> {
        self.text_with(variables, |text| text)
    }

    /// The same, with each value in another form: encoded for an address.
    pub fn text_with(
        &self,
        variables: &dyn Variables,
        form: impl Fn(String) -> String,
    ) -> Result<String, EvaluationError> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Path(path, _) => filled.push_str(&form(match found(variables, path)? {
                    Value::String(text) => text,
                    other => other.to_string(),
                })),
            }
            if filled.len() > MAX_RENDERED {
                return Err(EvaluationError::TooLong);
            }
        }
        Ok(filled)
    }
}

impl Part {
    fn at(self, place: Range<usize>) -> Self {
        match self {
            Self::Path(path, _) => Self::Path(path, place),
            text @ Self::Text(_) => text,
        }
    }
}

fn found(variables: &dyn Variables, path: &Path) -> Result<Value, EvaluationError> {
    let value = variables.value(path);
    Ok(value
        .ok_or_else(|| EvaluationError::missing(variables, path))?
        .into_owned())
}

fn part(content: &str) -> Result<Part, SyntaxError> {
    if content.trim().is_empty() {
        let message = "this placeholder is empty: write a path, like step_scan.stdout";
        return Err(SyntaxError::new(0..content.len(), message));
    }
    if let [only] = tokens(content)?.as_slice()
        && let Token::Text(text) = &only.token
    {
        return Ok(Part::Text(text.clone()));
    }
    Path::parse(content).map(|path| Part::Path(path, 0..0))
}

/// Where the `}}` stands that ends a placeholder: not one in quotes.
fn closing(text: &str) -> Option<usize> {
    let mut quote: Option<u8> = None;
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) => {
                if byte == open {
                    quote = None;
                }
            }
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'}') if text.as_bytes().get(index + 1) == Some(&b'}') => return Some(index),
            (None, _) => {}
        }
    }
    None
}
