//! Server-sent events: a parser for the stream of bytes, and the events of jobs and instances on top of it.
//!
//! Reads `event:` and `data:` lines and comments (the server's sign of life); `id:` and `retry:` are not used.
//! An unknown event is skipped, so that a newer server can say more.

use std::{collections::VecDeque, marker::PhantomData, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use postern_api::{
    jobs::{Job, OutputEvent},
    workflows::Instance,
};
use reqwest::{Response, Url};
use serde::de::DeserializeOwned;

use crate::Error;

/// Longest event: a job with a script of full size, every byte of it escaped, fits.
const EVENT_BYTES: usize = 32 * 1024 * 1024;
/// The server sends a comment more often than this; silence means that the connection is dead.
const SILENT_FOR: Duration = Duration::from_secs(90);

/// One event as it stands in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEvent {
    pub name: String,
    pub data: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    #[error("an event is longer than {EVENT_BYTES} bytes")]
    TooLong,
    #[error("an event is not UTF-8")]
    NotText,
    #[error("the event {name:?} cannot be read: {cause}")]
    Data { name: String, cause: String },
}

/// Turns bytes, split anywhere, into events.
#[derive(Debug, Default)]
pub struct EventReader {
    line: Vec<u8>,
    after_carriage_return: bool,
    name: Vec<u8>,
    data: Option<Vec<u8>>,
}

impl EventReader {
    /// Reads on; complete events are added to `events`.
    pub fn read(&mut self, bytes: &[u8], events: &mut VecDeque<RawEvent>) -> Result<(), StreamError> {
        for &byte in bytes {
            let second_half = byte == b'\n' && self.after_carriage_return;
            self.after_carriage_return = byte == b'\r';
            match byte {
                b'\n' if second_half => {}
                b'\n' | b'\r' => self.end_line(events)?,
                _ if self.line.len() + self.data.as_ref().map_or(0, Vec::len) >= EVENT_BYTES => {
                    return Err(StreamError::TooLong);
                }
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    fn end_line(&mut self, events: &mut VecDeque<RawEvent>) -> Result<(), StreamError> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.end_event(events);
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line.as_slice(), &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.name = value.to_vec(),
            b"data" => match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_vec()),
            },
            _ => {}
        }
        Ok(())
    }

    fn end_event(&mut self, events: &mut VecDeque<RawEvent>) -> Result<(), StreamError> {
        let name = std::mem::take(&mut self.name);
        let Some(data) = self.data.take() else {
            return Ok(());
        };
        let text = |bytes| String::from_utf8(bytes).map_err(|_| StreamError::NotText);
        let name = if name.is_empty() {
            "message".to_owned()
        } else {
            text(name)?
        };
        events.push_back(RawEvent {
            name,
            data: text(data)?,
        });
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum JobEvent {
    /// At the start and on every change.
    State(Box<Job>),
    Output(OutputEvent),
    /// The job has ended and everything was said.
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub enum InstanceNews {
    /// At the start and whenever it was moved.
    State(Box<Instance>),
    /// The instance has ended and everything was said.
    End,
}

/// What can be read from the stream of one subject.
pub trait Told: Sized {
    /// `None`: a newer server says more than is known here.
    fn read(raw: &RawEvent) -> Result<Option<Self>, StreamError>;
}

type ByteStream = std::pin::Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;

/// The events of one job or instance over one connection.
pub struct Events<E> {
    url: Url,
    stream: ByteStream,
    reader: EventReader,
    waiting: VecDeque<RawEvent>,
    told: PhantomData<fn() -> E>,
}

pub type JobEvents = Events<JobEvent>;
pub type InstanceWatch = Events<InstanceNews>;

impl<E> std::fmt::Debug for Events<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

impl<E: Told> Events<E> {
    pub(crate) fn new(url: Url, response: Response) -> Self {
        Self {
            url,
            stream: Box::pin(response.bytes_stream()),
            reader: EventReader::default(),
            waiting: VecDeque::new(),
            told: PhantomData,
        }
    }

    /// The next event; `None` when the server closed the stream. Without an `End` before it, that was an interruption.
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<E>, Error> {
        loop {
            while let Some(raw) = self.waiting.pop_front() {
                if let Some(event) = E::read(&raw).map_err(|error| Error::stream(&self.url, &error))? {
                    return Ok(Some(event));
                }
            }
            let Ok(chunk) = tokio::time::timeout(SILENT_FOR, self.stream.next()).await else {
                return Err(Error::silent(&self.url));
            };
            match chunk {
                None => return Ok(None),
                Some(Err(error)) => return Err(Error::transport(&self.url, &error)),
                Some(Ok(bytes)) => self
                    .reader
                    .read(&bytes, &mut self.waiting)
                    .map_err(|error| Error::stream(&self.url, &error))?,
            }
        }
    }
}

impl Told for JobEvent {
    fn read(raw: &RawEvent) -> Result<Option<Self>, StreamError> {
        Ok(match raw.name.as_str() {
            "state" => Some(Self::State(data(raw)?)),
            "output" => Some(Self::Output(data(raw)?)),
            "end" => Some(Self::End),
            _ => None,
        })
    }
}

impl Told for InstanceNews {
    fn read(raw: &RawEvent) -> Result<Option<Self>, StreamError> {
        Ok(match raw.name.as_str() {
            "state" => Some(Self::State(data(raw)?)),
            "end" => Some(Self::End),
            _ => None,
        })
    }
}

fn data<T: DeserializeOwned>(raw: &RawEvent) -> Result<T, StreamError> {
    serde_json::from_str(&raw.data).map_err(|error| StreamError::Data {
        name: raw.name.clone(),
        cause: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_in(pieces: &[&[u8]]) -> Vec<RawEvent> {
        let mut reader = EventReader::default();
        let mut events = VecDeque::new();
        for piece in pieces {
            reader.read(piece, &mut events).unwrap();
        }
        events.into()
    }

    fn event(name: &str, data: &str) -> RawEvent {
        RawEvent {
            name: name.into(),
            data: data.into(),
        }
    }

    #[test]
    fn fields_comments_and_line_ends() {
        let table: [(&str, Vec<RawEvent>); 9] = [
            ("event: end\ndata: {}\n\n", vec![event("end", "{}")]),
            ("event:end\r\ndata:{}\r\n\r\n", vec![event("end", "{}")]),
            ("event: end\rdata: {}\r\r", vec![event("end", "{}")]),
            ("data: a\ndata:  b\n\n", vec![event("message", "a\n b")]),
            (": still here\n\n", vec![]),
            ("event: lonely\n\ndata: x\n\n", vec![event("message", "x")]),
            ("id: 7\nretry: 5\nfoo\ndata: x\n\n", vec![event("message", "x")]),
            ("data\n\n", vec![event("message", "")]),
            ("data: unfinished\n", vec![]),
        ];
        for (text, expected) in table {
            assert_eq!(read_in(&[text.as_bytes()]), expected, "{text:?}");
        }
    }

    #[test]
    fn an_event_at_the_bound_is_read_and_one_beyond_is_refused() {
        let mut reader = EventReader::default();
        let mut events = VecDeque::new();
        let line = vec![b'x'; EVENT_BYTES - "data:".len()];
        reader.read(b"data:", &mut events).unwrap();
        reader.read(&line, &mut events).unwrap();
        let mut beyond = EventReader::default();
        beyond.read(b"data:", &mut events).unwrap();
        beyond.read(&line, &mut events).unwrap();
        assert_eq!(beyond.read(b"x", &mut events), Err(StreamError::TooLong));
        reader.read(b"\n\n", &mut events).unwrap();
        assert_eq!(events.len(), 1);
    }

    #[test]
    fn unknown_events_are_skipped_and_broken_data_is_an_error() {
        assert_eq!(JobEvent::read(&event("fireworks", "?")), Ok(None));
        assert_eq!(JobEvent::read(&event("end", "{}")), Ok(Some(JobEvent::End)));
        assert!(matches!(
            JobEvent::read(&event("output", "{")),
            Err(StreamError::Data { .. })
        ));
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_events(
            lines in proptest::collection::vec("(event|data|id|)[:]? ?[a-zäé:{} ]{0,6}", 0..12),
            ends in proptest::collection::vec(prop_oneof!["\n", "\r\n", "\r", "\n\n"], 12),
            cuts in proptest::collection::vec(0_usize..200, 0..8),
        ) {
            let text: String = lines.iter().zip(&ends).map(|(line, end)| format!("{line}{end}")).collect();
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read_in(&pieces), read_in(&[bytes]));
        }
    }
}
