//! Conditions: `{{step_scan.exit_code}} == 0 && step_scan.json.role in ["web", "api"]`.
//!
//! From loose to tight: `||`, `&&`, then one comparison (`== != < <= > >= contains in matches`), then `!`. Paths may
//! stand in braces or without.

use std::{fmt, ops::Range};

use regex::Regex;
use serde_json::Value;

use super::{
    MAX_CONDITION, MAX_DEPTH, MAX_NODES, Path, SyntaxError,
    evaluate::{Kind, fits},
    token::{Spanned, Token, tokens},
};

/// Bytes that one pattern of `matches` may take when it is compiled.
const MAX_PATTERN: usize = 64 * 1024;

/// A condition that was parsed: evaluating it parses nothing any more.
#[derive(Debug, Clone)]
pub struct Condition {
    text: String,
    pub(super) root: Node,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) kind: NodeKind,
}

#[derive(Debug, Clone)]
pub(super) enum NodeKind {
    Literal(Value),
    Path(Path),
    List(Vec<Node>),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Matches(Box<Node>, Regex),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    In,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Contains => "contains",
            Self::In => "in",
        })
    }
}

impl Condition {
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        if text.len() > MAX_CONDITION {
            let message = format!("a condition has at most {MAX_CONDITION} bytes");
            return Err(SyntaxError::new(0..text.len(), message));
        }
        let mut parser = Parser {
            tokens: tokens(text)?,
            position: 0,
            end: text.len(),
            nodes: 0,
            depth: 0,
        };
        if parser.tokens.is_empty() {
            let message = "is empty: write a condition like step_scan.exit_code == 0";
            return Err(SyntaxError::new(0..text.len(), message));
        }
        let root = parser.any()?;
        if parser.peek().is_some() {
            return Err(parser.leftover());
        }
        root.must_be_boolean()?;
        Ok(Self {
            text: text.to_owned(),
            root,
        })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// All paths, with where they stand.
    pub fn paths(&self) -> Vec<(&Path, Range<usize>)> {
        let mut found = Vec::new();
        self.root.paths(&mut found);
        found
    }
}

impl Node {
    fn paths<'a>(&'a self, found: &mut Vec<(&'a Path, Range<usize>)>) {
        match &self.kind {
            NodeKind::Literal(_) => {}
            NodeKind::Path(path) => found.push((path, self.span.clone())),
            NodeKind::List(nodes) | NodeKind::And(nodes) | NodeKind::Or(nodes) => {
                nodes.iter().for_each(|node| node.paths(found));
            }
            NodeKind::Not(node) | NodeKind::Matches(node, _) => node.paths(found),
            NodeKind::Compare(_, left, right) => {
                left.paths(found);
                right.paths(found);
            }
        }
    }

    /// What it will be, as far as that is known before any value exists.
    fn known(&self) -> Option<Kind> {
        match &self.kind {
            NodeKind::Path(_) => None,
            NodeKind::Literal(value) => Some(Kind::of(value)),
            NodeKind::List(_) => Some(Kind::List),
            NodeKind::Not(_)
            | NodeKind::And(_)
            | NodeKind::Or(_)
            | NodeKind::Compare(..)
            | NodeKind::Matches(..) => Some(Kind::Boolean),
        }
    }

    fn must_be_boolean(&self) -> Result<(), SyntaxError> {
        match self.known() {
            None | Some(Kind::Boolean) => Ok(()),
            Some(kind) => Err(SyntaxError::new(self.span.clone(), kind.not_boolean())),
        }
    }
}

struct Parser {
    tokens: Vec<Spanned>,
    position: usize,
    end: usize,
    nodes: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position).map(|token| &token.token)
    }

    fn here(&self) -> Range<usize> {
        self.tokens
            .get(self.position)
            .map_or(self.end..self.end, |token| token.span.clone())
    }

    fn take(&mut self, mark: &'static str) -> bool {
        let is_there = self.peek() == Some(&Token::Mark(mark));
        self.position += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, mark: &'static str) -> Result<(), SyntaxError> {
        if self.take(mark) {
            return Ok(());
        }
        Err(SyntaxError::new(self.here(), format!("a {mark} is missing here")))
    }

    fn node(&mut self, begin: usize, kind: NodeKind) -> Result<Node, SyntaxError> {
        let end = self.tokens[self.position - 1].span.end;
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("a condition has at most {MAX_NODES} parts: use several steps");
            return Err(SyntaxError::new(begin..end, message));
        }
        Ok(Node {
            span: begin..end,
            kind,
        })
    }

    fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("more than {MAX_DEPTH} parentheses inside each other");
            return Err(SyntaxError::new(self.here(), message));
        }
        let outcome = inner(self)?;
        self.depth -= 1;
        Ok(outcome)
    }

    fn any(&mut self) -> Result<Node, SyntaxError> {
        self.joined("||", Self::all, NodeKind::Or)
    }

    fn all(&mut self) -> Result<Node, SyntaxError> {
        self.joined("&&", Self::comparison, NodeKind::And)
    }

    fn joined(
        &mut self,
        mark: &'static str,
        part: impl Fn(&mut Self) -> Result<Node, SyntaxError>,
        kind: impl FnOnce(Vec<Node>) -> NodeKind,
    ) -> Result<Node, SyntaxError> {
        let first = part(self)?;
        if self.peek() != Some(&Token::Mark(mark)) {
            return Ok(first);
        }
        let begin = first.span.start;
        let mut parts = vec![first];
        while self.take(mark) {
            parts.push(part(self)?);
        }
        for part in &parts {
            part.must_be_boolean()?;
        }
        self.node(begin, kind(parts))
    }

    fn comparison(&mut self) -> Result<Node, SyntaxError> {
        let left = self.operand()?;
        let begin = left.span.start;
        let operator = self.here();
        if matches!(self.peek(), Some(Token::Word(word)) if word == "matches") {
            self.position += 1;
            let pattern = self.pattern()?;
            if let Some(kind) = left.known().filter(|kind| *kind != Kind::Text) {
                return Err(SyntaxError::new(
                    operator,
                    format!("{kind} cannot be matched: only a text can"),
                ));
            }
            let node = self.node(begin, NodeKind::Matches(Box::new(left), pattern))?;
            return self.unchained(node);
        }
        let Some(comparison) = self.peek().and_then(comparison) else {
            return Ok(left);
        };
        self.position += 1;
        let right = self.operand()?;
        fits(comparison, left.known(), right.known())
            .map_err(|message| SyntaxError::new(begin..right.span.end, message))?;
        let kind = NodeKind::Compare(comparison, Box::new(left), Box::new(right));
        let node = self.node(begin, kind)?;
        self.unchained(node)
    }

    /// `a < b < c` means something else to everybody who reads it.
    fn unchained(&self, node: Node) -> Result<Node, SyntaxError> {
        let again = self.peek().is_some_and(|token| {
            comparison(token).is_some() || matches!(token, Token::Word(word) if word == "matches")
        });
        if again {
            let message = "comparisons are not chained: join two with && or put one in parentheses";
            return Err(SyntaxError::new(self.here(), message));
        }
        Ok(node)
    }

    /// Written down, never a value: what somebody printed is no pattern.
    fn pattern(&mut self) -> Result<Regex, SyntaxError> {
        let span = self.here();
        let Some(Token::Text(pattern)) = self.peek() else {
            let message = "a pattern is written here, in quotes: a value is never read as one";
            return Err(SyntaxError::new(span, message));
        };
        let compiled = regex::RegexBuilder::new(pattern)
            .size_limit(MAX_PATTERN)
            .build()
            .map_err(|error| SyntaxError::new(span, format!("is no pattern: {}", told(&error))))?;
        self.position += 1;
        Ok(compiled)
    }

    fn operand(&mut self) -> Result<Node, SyntaxError> {
        let span = self.here();
        let Some(token) = self.peek().cloned() else {
            return Err(SyntaxError::new(
                span,
                "something is missing here: a path, a number or a 'text'",
            ));
        };
        match token {
            Token::Mark("!") => {
                self.position += 1;
                let inner = self.deeper(Self::operand)?;
                inner.must_be_boolean()?;
                self.node(span.start, NodeKind::Not(Box::new(inner)))
            }
            Token::Mark("(") => {
                self.position += 1;
                let inner = self.deeper(Self::any)?;
                self.expect(")")?;
                Ok(Node {
                    span: span.start..self.tokens[self.position - 1].span.end,
                    kind: inner.kind,
                })
            }
            Token::Mark("[") => self.list(),
            Token::Mark("{{") => {
                self.position += 1;
                let path = Path::take(&self.tokens, &mut self.position, self.end)?;
                self.expect("}}")?;
                self.node(span.start, NodeKind::Path(path))
            }
            Token::Number(number) => self.literal(Value::Number(number)),
            Token::Text(text) if text.contains("{{") => Err(SyntaxError::new(
                span,
                "braces in quotes are plain text: write the path without quotes",
            )),
            Token::Text(text) => self.literal(Value::String(text)),
            Token::Word(word) => match word.as_str() {
                "true" | "false" => self.literal(Value::Bool(word == "true")),
                "null" => self.literal(Value::Null),
                "not" | "and" | "or" | "contains" | "matches" | "in" => Err(SyntaxError::new(
                    span,
                    format!("a value is missing before `{word}`"),
                )),
                _ => {
                    let path = Path::take(&self.tokens, &mut self.position, self.end)?;
                    self.node(span.start, NodeKind::Path(path))
                }
            },
            Token::Mark(mark) => Err(SyntaxError::new(
                span,
                format!("a path, a number or a 'text' is missing before {mark}"),
            )),
        }
    }

    fn literal(&mut self, value: Value) -> Result<Node, SyntaxError> {
        let begin = self.here().start;
        self.position += 1;
        self.node(begin, NodeKind::Literal(value))
    }

    fn list(&mut self) -> Result<Node, SyntaxError> {
        let begin = self.here().start;
        self.position += 1;
        let mut items = Vec::new();
        while !self.take("]") {
            if !items.is_empty() {
                self.expect(",")?;
            }
            items.push(self.deeper(Self::operand)?);
        }
        self.node(begin, NodeKind::List(items))
    }

    fn leftover(&self) -> SyntaxError {
        let message = match self.peek() {
            Some(Token::Word(word)) if word == "and" => "*and* is written &&".to_owned(),
            Some(Token::Word(word)) if word == "or" => "*or* is written ||".to_owned(),
            Some(Token::Mark(")")) => "there is no ( for this )".to_owned(),
            _ => "an operator is missing before this".to_owned(),
        };
        SyntaxError::new(self.here(), message)
    }
}

fn comparison(token: &Token) -> Option<Comparison> {
    match token {
        Token::Mark("==") => Some(Comparison::Equal),
        Token::Mark("!=") => Some(Comparison::Unequal),
        Token::Mark("<") => Some(Comparison::Less),
        Token::Mark("<=") => Some(Comparison::LessOrEqual),
        Token::Mark(">") => Some(Comparison::Greater),
        Token::Mark(">=") => Some(Comparison::GreaterOrEqual),
        Token::Word(word) if word == "contains" => Some(Comparison::Contains),
        Token::Word(word) if word == "in" => Some(Comparison::In),
        _ => None,
    }
}

/// The last line of the library's message says what is wrong; those before it draw the pattern.
fn told(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "it is too big".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    }
}
