//! Live events of one job: its state and its output, as server-sent events.
//!
//! Everything kept is sent first, then what is new. News only says *look*: each round reads the database, so a
//! lost piece of news, or one on another server, costs at most a second.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use postern_api::jobs::{Job, OutputEvent, StreamName};
use postern_domain::{JobId, permission::Permission};
use postern_store::{jobs, outputs, tx};
use tokio::sync::broadcast;

use super::{
    blackouts::dark_for,
    convert::{job_of, segment_of},
    service::find,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::caller::{self, Credentials},
    hub::{News, Watched},
};

/// Without news the database is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Output that comes within this time is one look: a chatty job must not cost a read per line.
const GATHER: Duration = Duration::from_millis(50);

struct Watch {
    app: App,
    /// Asked again at every look: a session, token or role that ended ends this too.
    credentials: Arc<Credentials>,
    id: JobId,
    news: broadcast::Receiver<News>,
    sent_job: Option<Job>,
    /// Attempt whose output is sent, and how far, per stream.
    attempt: u32,
    sent: [i64; 2],
    ready: std::collections::VecDeque<Event>,
    ended: bool,
}

pub(super) async fn job_events(
    app: &App,
    credentials: Arc<Credentials>,
    id: JobId,
) -> Result<Sse<impl Stream<Item = std::result::Result<Event, Infallible>> + use<>>> {
    let mut watch = Watch {
        news: app.hub.watch(Watched::Job(id)),
        app: app.clone(),
        credentials,
        id,
        sent_job: None,
        attempt: 0,
        sent: [0, 0],
        ready: std::collections::VecDeque::new(),
        ended: false,
    };
    // The first look decides between an answer and a problem document.
    watch.look().await?;
    let events = stream::unfold(watch, |mut watch| async move {
        let event = watch.next().await?;
        Some((Ok(event), watch))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

impl Watch {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            tokio::select! {
                news = self.news.recv() => if news == Ok(News::Output) {
                    self.gather().await;
                },
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.app.shutdown.cancelled() => return None,
            }
            // Several pieces of news are answered by one look.
            self.news = self.news.resubscribe();
            if let Err(error) = self.look().await {
                tracing::debug!(%error, job = self.id.0, "a watcher is sent away");
                return None;
            }
        }
    }

    /// Waits for more output, but not when the state changes.
    async fn gather(&mut self) {
        let changed = async { while self.news.recv().await == Ok(News::Output) {} };
        let _ = tokio::time::timeout(GATHER, changed).await;
    }

    /// Gathers what was not sent yet.
    async fn look(&mut self) -> Result<()> {
        let caller = caller::identify(&self.app, &self.credentials, "job_events")
            .await
            .map_err(|refused| refused.1)?;
        let (id, now) = (self.id, self.app.now());
        let (known_attempt, sent) = (self.attempt, self.sent);
        let (job, dark, attempt, streams) = self
            .app
            .store
            .scan::<_, Error, _>(tx!(tx => {
                let job = find(tx, &caller, id, Permission::JobsView).await?;
                let dark = dark_for(tx, &job, now).await?;
                let attempt = jobs::attempts(tx, id).await?.into_iter().last();
                let mut streams = [Vec::new(), Vec::new()];
                if let Some(attempt) = &attempt {
                    let from = if attempt.number == known_attempt { sent } else { [0, 0] };
                    let totals = [attempt.stdout_bytes, attempt.stderr_bytes];
                    let kinds = [outputs::Stream::Stdout, outputs::Stream::Stderr];
                    for index in 0..2 {
                        if totals[index] > from[index] {
                            streams[index] = outputs::read(tx, attempt.id, kinds[index], totals[index]).await?;
                        }
                    }
                }
                Ok((job, dark, attempt, streams))
            }))
            .await?;
        let job = job_of(job, dark.as_ref(), now)?;
        if let Some(attempt) = attempt {
            if attempt.number != self.attempt {
                self.attempt = attempt.number;
                self.sent = [0, 0];
            }
            for (index, (name, pieces)) in [StreamName::Stdout, StreamName::Stderr]
                .into_iter()
                .zip(streams)
                .enumerate()
            {
                self.output(index, name, pieces, attempt.state.is_final());
            }
        }
        let done = job.state.is_final() && job.attempt == self.attempt.max(job.attempt);
        if self.sent_job.as_ref() != Some(&job) {
            self.push("state", &job);
            self.sent_job = Some(job);
        }
        if done && !self.ended {
            self.ended = true;
            self.ready.push_back(Event::default().event("end").data("{}"));
        }
        Ok(())
    }

    fn output(&mut self, index: usize, stream: StreamName, pieces: Vec<outputs::Piece>, last: bool) {
        for mut piece in pieces {
            let new = usize::try_from((self.sent[index] - piece.start).max(0)).unwrap_or(usize::MAX);
            if new >= piece.data.len() {
                continue;
            }
            piece.data.drain(..new);
            piece.start += i64::try_from(new).unwrap_or(0);
            if !last {
                // A character cut in the middle waits for its other half.
                let keep = whole_characters(&piece.data);
                piece.data.truncate(keep);
            }
            if piece.data.is_empty() {
                continue;
            }
            self.sent[index] = piece.start + i64::try_from(piece.data.len()).unwrap_or(0);
            let event = OutputEvent {
                attempt: self.attempt,
                stream,
                segment: segment_of(&piece),
            };
            self.push("output", &event);
        }
    }

    fn push<T: serde::Serialize>(&mut self, name: &str, value: &T) {
        match Event::default().event(name).json_data(value) {
            Ok(event) => self.ready.push_back(event),
            Err(error) => tracing::error!(%error, "an event could not be written"),
        }
    }
}

/// Length without an unfinished UTF-8 character at the end.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    let start = bytes[tail..]
        .iter()
        .rposition(|byte| byte & 0xc0 != 0x80)
        .map(|at| tail + at);
    match start {
        Some(at) => match std::str::from_utf8(&bytes[at..]) {
            Err(error) if error.error_len().is_none() => at,
            _ => bytes.len(),
        },
        None => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_character_waits_and_invalid_bytes_do_not() {
        assert_eq!(whole_characters("abä".as_bytes()), 4);
        assert_eq!(whole_characters(&"abä".as_bytes()[..3]), 2);
        assert_eq!(whole_characters(&"a😀".as_bytes()[..4]), 1);
        assert_eq!(whole_characters(b"ab\xff"), 3);
        assert_eq!(whole_characters(b"\x80\x80\x80\x80"), 4);
        assert_eq!(whole_characters(b""), 0);
    }
}
