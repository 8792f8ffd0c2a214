//! A text cut into tokens, by `winnow`.

use std::ops::Range;

use serde_json::Number;
use winnow::{
    LocatingSlice, Parser, Result,
    ascii::{digit1, multispace0},
    combinator::{alt, delimited, opt, preceded, repeat},
    error::ContextError,
    stream::Location as _,
    token::{any, literal, none_of, one_of, take_while},
};

use super::SyntaxError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(Number),
    Text(String),
    /// A name, or a word of the language.
    Word(String),
    Mark(&'static str),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spanned {
    pub(super) token: Token,
    pub(super) span: Range<usize>,
}

type Input<'a> = LocatingSlice<&'a str>;

/// Longer ones first: `<=` is not `<` and something.
const MARKS: [&str; 17] = [
    "==", "!=", "<=", ">=", "&&", "||", "{{", "}}", "<", ">", "!", "(", ")", "[", "]", ",", ".",
];

pub(super) fn tokens(text: &str) -> std::result::Result<Vec<Spanned>, SyntaxError> {
    let mut input = LocatingSlice::new(text);
    let mut found: Vec<Spanned> = Vec::new();
    loop {
        let _ = multispace0::<_, ContextError>.parse_next(&mut input);
        let start = input.current_token_start();
        if input.is_empty() {
            return Ok(found);
        }
        // Behind a dot digits are a name: `hosts.10.stdout`.
        let named = found.last().is_some_and(|last| last.token == Token::Mark("."));
        let parsed = if named {
            alt((word, text_literal, mark)).parse_next(&mut input)
        } else {
            alt((number, word, text_literal, mark)).parse_next(&mut input)
        };
        let Ok(token) = parsed else {
            return Err(unknown(text, start));
        };
        let span = start..input.current_token_start();
        if matches!(token, Token::Number(_)) && input.starts_with(|next: char| is_name(next)) {
            return Err(SyntaxError::new(
                span,
                "is a number with letters behind it: put a text in quotes",
            ));
        }
        found.push(Spanned { token, span });
    }
}

const fn is_name(letter: char) -> bool {
    letter == '_' || letter == '-' || letter.is_ascii_alphanumeric() || !letter.is_ascii()
}

fn number(input: &mut Input<'_>) -> Result<Token> {
    (
        opt('-'),
        digit1,
        opt(('.', digit1)),
        opt((one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1)),
    )
        .take()
        .verify_map(|text: &str| text.parse::<Number>().ok())
        .map(Token::Number)
        .parse_next(input)
}

fn word(input: &mut Input<'_>) -> Result<Token> {
    (
        any.verify(|first: &char| is_name(*first) && *first != '-'),
        take_while(0.., is_name),
    )
        .take()
        .map(|name: &str| Token::Word(name.to_owned()))
        .parse_next(input)
}

fn mark(input: &mut Input<'_>) -> Result<Token> {
    let mark = MARKS.into_iter().find(|mark| input.starts_with(mark));
    literal(mark.ok_or_else(ContextError::new)?).parse_next(input)?;
    mark.map(Token::Mark).ok_or_else(ContextError::new)
}

/// In double quotes with the escapes of JSON; in single quotes a backslash stands for itself, but before a quote and a
/// backslash.
fn text_literal(input: &mut Input<'_>) -> Result<Token> {
    alt((exact, escaped)).map(Token::Text).parse_next(input)
}

fn exact(input: &mut Input<'_>) -> Result<String> {
    let letter = alt((preceded('\\', one_of(['\'', '\\'])), none_of(['\''])));
    delimited('\'', repeat(0.., letter), '\'').parse_next(input)
}

fn escaped(input: &mut Input<'_>) -> Result<String> {
    let letter = alt((preceded('\\', any), none_of(['"', '\\'])));
    let letters = repeat::<_, _, (), _, _>(0.., letter);
    // Breaks and tabs may stand as they are, which JSON does not like.
    let read = |quoted: &str| serde_json::from_str(&quoted.replace('\n', "\\n").replace('\t', "\\t")).ok();
    delimited('"', letters, '"')
        .take()
        .verify_map(read)
        .parse_next(input)
}

fn unknown(text: &str, start: usize) -> SyntaxError {
    let rest = &text[start..];
    let length = rest.chars().next().map_or(0, char::len_utf8);
    let span = start..start + length;
    let message = match rest.as_bytes().first() {
        Some(b'=') => "a comparison is written ==".to_owned(),
        Some(b'&') => "*and* is written &&".to_owned(),
        Some(b'|') => "*or* is written ||; there are no filters".to_owned(),
        Some(b'"') => {
            return SyntaxError::new(
                start..text.len(),
                "this text does not end, or has an escape that JSON does not know: in single quotes a backslash stands for itself",
            );
        }
        Some(b'\'') => return SyntaxError::new(start..text.len(), "this text does not end: a ' is missing"),
        Some(b'+' | b'-' | b'*' | b'/' | b'%') => "there is no arithmetic here".to_owned(),
        _ => format!("`{}` means nothing here", rest.chars().next().unwrap_or_default()),
    };
    SyntaxError::new(span, message)
}
