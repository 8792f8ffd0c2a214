//! Paths to values: `step_scan.json.items[0].name`, `hosts["web1.example.com"]`.

use std::{fmt, ops::Range};

use super::{
    MAX_SEGMENTS, SyntaxError,
    token::{Spanned, Token},
};

/// What stands in the place of every secret.
pub const BLOCKED: &str = "***CREDENTIAL_BLOCKED***";

/// Fields of credentials that no variable holds, in lower case and without `_` and `-`.
const SECRET_FIELDS: [&str; 16] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "secretkey",
    "clientsecret",
    "privatekey",
    "sshkey",
    "sshprivatekey",
    "apikey",
    "apitoken",
    "token",
    "accesstoken",
    "credential",
    "credentials",
];
/// In front of all paths of an older form.
const LEGACY_PREFIX: &str = "variables";

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    Name(String),
    Index(usize),
}

/// Never empty; its first segment is a name. Without the `variables.` that may stand in front.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Path {
    segments: Vec<Segment>,
}

impl Path {
    /// From what stands between `{{` and `}}`.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let tokens = super::token::tokens(text)?;
        let mut position = 0;
        let path = Self::take(&tokens, &mut position, text.len())?;
        match tokens.get(position) {
            None => Ok(path),
            Some(next) => Err(SyntaxError::new(
                next.span.clone(),
                "a placeholder holds one path and nothing else",
            )),
        }
    }

    /// Reads one from its first token on. `end`: of the whole text.
    pub(super) fn take(tokens: &[Spanned], position: &mut usize, end: usize) -> Result<Self, SyntaxError> {
        let here =
            |at: usize| -> Range<usize> { tokens.get(at).map_or(end..end, |token| token.span.clone()) };
        let Some(Token::Word(root)) = tokens.get(*position).map(|token| &token.token) else {
            return Err(SyntaxError::new(
                here(*position),
                "a path begins with a name, like step_scan",
            ));
        };
        let begin = here(*position).start;
        let mut segments = vec![Segment::Name(root.clone())];
        *position += 1;
        while let Some(Token::Mark(mark @ ("." | "["))) = tokens.get(*position).map(|token| &token.token) {
            let segment = match tokens.get(*position + 1).map(|token| &token.token) {
                Some(Token::Word(name)) if *mark == "." => Segment::Name(name.clone()),
                Some(Token::Text(name)) if *mark == "[" => Segment::Name(name.clone()),
                Some(Token::Number(index)) if *mark == "[" => {
                    let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
                    Segment::Index(index.ok_or_else(|| {
                        SyntaxError::new(here(*position + 1), "an index is a whole number from 0 on")
                    })?)
                }
                _ if *mark == "." => {
                    return Err(SyntaxError::new(
                        here(*position + 1),
                        "a name is missing behind the dot; unusual ones are written [\"like this\"]",
                    ));
                }
                _ => {
                    return Err(SyntaxError::new(
                        here(*position + 1),
                        "in brackets stands a name in quotes or an index",
                    ));
                }
            };
            *position += 2;
            if *mark == "[" {
                if tokens.get(*position).map(|token| &token.token) != Some(&Token::Mark("]")) {
                    return Err(SyntaxError::new(here(*position), "a ] is missing"));
                }
                *position += 1;
            }
            segments.push(segment);
        }
        let span = begin..here(*position - 1).end;
        if segments.len() > 1 && matches!(&segments[0], Segment::Name(name) if name == LEGACY_PREFIX) {
            segments.remove(0);
        }
        // The older form's prefix does not count: a path whose root cannot stand alone is written with it.
        if segments.len() > MAX_SEGMENTS {
            return Err(SyntaxError::new(
                span,
                format!("a path has at most {MAX_SEGMENTS} names"),
            ));
        }
        if matches!(segments[0], Segment::Index(_)) {
            return Err(SyntaxError::new(
                span,
                "a path begins with a name, like step_scan",
            ));
        }
        Ok(Self { segments })
    }

    pub fn root(&self) -> &str {
        match &self.segments[0] {
            Segment::Name(name) => name,
            Segment::Index(_) => "",
        }
    }

    /// What follows the root.
    pub fn rest(&self) -> &[Segment] {
        &self.segments[1..]
    }

    /// Whether it asks for a secret of a credential, however it is spelled: anything behind the root that is called like
    /// one. What a script printed is data, whatever its keys are called: that is for who knows the root to say.
    pub fn names_secret(&self) -> bool {
        self.rest().iter().any(|segment| match segment {
            Segment::Index(_) => false,
            Segment::Name(name) => {
                let plain: String = name
                    .chars()
                    .filter(|letter| !matches!(letter, '_' | '-' | ' '))
                    .flat_map(char::to_lowercase)
                    .collect();
                SECRET_FIELDS.contains(&plain.as_str())
            }
        })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What begins with a digit would be read as a number there.
        let alone = is_plain(self.root()) && !self.root().starts_with(|letter: char| letter.is_ascii_digit());
        if !alone {
            f.write_str(LEGACY_PREFIX)?;
        }
        for (index, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Index(number) => write!(f, "[{number}]")?,
                Segment::Name(name) if is_plain(name) && (index > 0 || alone) => {
                    f.write_str(if index == 0 { "" } else { "." })?;
                    f.write_str(name)?;
                }
                Segment::Name(name) => write!(f, "[{}]", serde_json::Value::from(name.as_str()))?,
            }
        }
        Ok(())
    }
}

/// Whether a name can stand behind a dot.
fn is_plain(name: &str) -> bool {
    let is_letter = |letter: char| letter == '_' || letter.is_ascii_alphanumeric();
    name.starts_with(is_letter) && name.chars().all(|letter| is_letter(letter) || letter == '-')
}
