//! Keeps secrets out of everything that is written down: each occurrence of a value becomes `***`, before the disk.
//!
//! Looked for are the value itself, its lines, and the forms in which programs repeat a value without meaning harm:
//! base64, hexadecimal, percent-encoding, JSON. A job that wants to give a secret away can; this is against
//! accidents.
//!
//! Output is masked as it streams. Held back is only what may yet become an occurrence: the longest end of the
//! stream that is the beginning of a form. All else goes on at once, so nobody waits for a prompt. Each byte of a secret
//! needs some 600 bytes of memory while its job runs; a job without secrets needs none.

mod forms;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::Arc};

use aho_corasick::{
    Anchored,
    automaton::{Automaton as _, StateID},
    nfa::noncontiguous::NFA,
};
use postern_protocol::seal::Secrets;

const MASK: &[u8] = b"***";

/// What to look for in the output of one attempt. Without secrets it does nothing and costs nothing.
#[derive(Clone)]
pub(crate) struct Masks(Option<Arc<Forms>>);

struct Forms {
    automaton: NFA,
    start: StateID,
    /// For each state, by its number, the length of the longest end of what was read that may still grow into a form.
    open: Vec<u32>,
}

impl Masks {
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Fails when there is too much to look for.
    pub(crate) fn new(secrets: &Secrets) -> Result<Self, String> {
        let forms = forms::all(secrets.values().map(|value| value.as_str()));
        if forms.is_empty() {
            return Ok(Self::none());
        }
        let automaton = NFA::new(&forms);
        let automaton = automaton.map_err(|error| format!("the secrets cannot be masked: {error}"))?;
        let start = automaton
            .start_state(Anchored::No)
            .map_err(|error| format!("the secrets cannot be masked: {error}"))?;
        let open = measure(&automaton, start, forms);
        Ok(Self(Some(Arc::new(Forms {
            automaton,
            start,
            open,
        }))))
    }

    pub(crate) fn stream(&self) -> Mask {
        Mask {
            state: self.0.as_ref().map(|forms| forms.start),
            forms: self.0.clone(),
            held: Vec::new(),
            read: 0,
            found: Vec::new(),
        }
    }

    /// A whole text at once.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.0.is_none() {
            return text.into();
        }
        let mut masked = Vec::with_capacity(text.len());
        let mut mask = self.stream();
        mask.push(text.as_bytes(), &mut |bytes| masked.extend_from_slice(bytes));
        mask.finish(&mut |bytes| masked.extend_from_slice(bytes));
        String::from_utf8_lossy(&masked).into_owned().into()
    }

    /// Every text in a JSON value, names of fields excepted: those are ours.
    pub(crate) fn json(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(text) => {
                if let Cow::Owned(masked) = self.text(text) {
                    *text = masked;
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.json(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.json(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// For each state how much of what was read may still grow into a form. The state after the first n bytes of a form
/// stands for these n bytes; where a form is whole and no other goes on from it, for the rest behind its first byte.
fn measure(automaton: &NFA, start: StateID, mut forms: Vec<Vec<u8>>) -> Vec<u32> {
    let step = |state, byte: &u8| automaton.next_state(Anchored::No, state, *byte);
    let mut open: Vec<u32> = Vec::new();
    let note = |open: &mut Vec<u32>, state: StateID, length: u32| {
        if open.len() <= state.as_usize() {
            open.resize(state.as_usize() + 1, 0);
        }
        open[state.as_usize()] = length;
    };
    for form in &forms {
        let mut state = start;
        for (byte, length) in form[..form.len() - 1].iter().zip(1..) {
            state = step(state, byte);
            note(&mut open, state, length);
        }
    }
    // The rest of a form is shorter, so its state is known when it is needed.
    forms.sort_by_key(Vec::len);
    for form in &forms {
        let whole = form.iter().fold(start, step);
        if open.get(whole.as_usize()).is_none_or(|length| *length == 0) {
            let rest = form[1..].iter().fold(start, step);
            let length = open.get(rest.as_usize()).copied().unwrap_or(0);
            note(&mut open, whole, length);
        }
    }
    open
}

/// One stream on its way to the disk.
pub(crate) struct Mask {
    forms: Option<Arc<Forms>>,
    state: Option<StateID>,
    /// The end of what was read, not yet handed on.
    held: Vec<u8>,
    /// Everything that was read, in bytes.
    read: u64,
    /// Occurrences within `held`, as positions in the whole stream: sorted, and none overlaps another.
    found: Vec<(u64, u64)>,
}

impl Mask {
    /// Takes the next bytes and hands on what is certain by now.
    pub(crate) fn push(&mut self, bytes: &[u8], write: &mut dyn FnMut(&[u8])) {
        let (Some(forms), Some(mut state)) = (self.forms.clone(), self.state) else {
            return write(bytes);
        };
        for byte in bytes {
            state = forms.automaton.next_state(Anchored::No, state, *byte);
            self.read += 1;
            if forms.automaton.is_match(state) {
                self.note(forms.longest(state));
            }
        }
        self.state = Some(state);
        self.held.extend_from_slice(bytes);
        let open = forms.open.get(state.as_usize()).copied().unwrap_or(0);
        let certain = self.read - u64::from(open).min(self.read);
        // What overlaps an occurrence in the making becomes one with it.
        let limit = self
            .found
            .iter()
            .find(|(_, end)| *end > certain)
            .map_or(certain, |(start, _)| certain.min(*start));
        self.hand_on(limit, write);
    }

    /// Nothing follows: what was held back is no beginning any more.
    pub(crate) fn finish(&mut self, write: &mut dyn FnMut(&[u8])) {
        if let Some(forms) = &self.forms {
            self.state = Some(forms.start);
            self.hand_on(self.read, write);
        }
    }

    /// An occurrence of this length ends here.
    fn note(&mut self, length: usize) {
        let mut start = self.read - length as u64;
        while let Some(&(before, end)) = self.found.last()
            && end > start
        {
            start = start.min(before);
            self.found.pop();
        }
        self.found.push((start, self.read));
    }

    fn hand_on(&mut self, limit: u64, write: &mut dyn FnMut(&[u8])) {
        let begin = self.read - self.held.len() as u64;
        let within = |position: u64| usize::try_from(position - begin).unwrap_or(self.held.len());
        let done = self.found.iter().take_while(|(_, end)| *end <= limit).count();
        let mut next = begin;
        for &(start, end) in &self.found[..done] {
            if next < start {
                write(&self.held[within(next)..within(start)]);
            }
            write(MASK);
            next = end;
        }
        if next < limit {
            write(&self.held[within(next)..within(limit)]);
        }
        let handed = within(limit);
        self.found.drain(..done);
        self.held.drain(..handed);
    }
}

impl Forms {
    fn longest(&self, state: StateID) -> usize {
        (0..self.automaton.match_len(state))
            .map(|index| {
                self.automaton
                    .pattern_len(self.automaton.match_pattern(state, index))
            })
            .max()
            .unwrap_or(0)
    }
}
