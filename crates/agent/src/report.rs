//! Telling the server: the start, the output while it grows, and the end until it is acknowledged.
//!
//! The head of a stream is sent whole; behind it at most 256 KiB a second, skipping to what is newest. At the end
//! everything kept that was not sent follows. Sending a piece twice is harmless, so after a restart all is sent.

use std::{ops::Range, path::PathBuf, sync::Arc, time::Duration};

use postern_protocol::{
    limits::{OUTPUT_CHUNK_BYTES, OUTPUT_HEAD_BYTES},
    messages::{Chunk, OutputAnswer, OutputRequest, ResultAnswer, ResultRequest, Stream},
    path,
};
use tokio::{
    net::UnixStream,
    sync::{Notify, oneshot},
    time::{Instant, sleep, sleep_until},
};

use crate::{
    api::Error,
    attempts::Attempts,
    failpoint::hit,
    journal,
    output::{self, Kept, STREAMS},
    random::Backoff,
    shim::ACKNOWLEDGED,
};

/// Jobs shorter than this need one request only.
const FIRST_REPORT: Duration = Duration::from_millis(100);
const EVERY: Duration = Duration::from_millis(250);
/// Behind the head, per stream and report: four reports a second make 256 KiB.
const LIVE_BYTES: u64 = 64 * 1024;
/// Within the head.
const HEAD_BYTES: u64 = 160 * 1024;
/// Pieces in one message; below the protocol's bound to keep this process small.
const MESSAGE_BYTES: usize = 512 * 1024;
const LIMIT: Duration = Duration::from_secs(20);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// When only a person can help.
const LASTING_WAIT: Duration = Duration::from_secs(60);

/// How an attempt ended, and the shim that may still wait to hear that the server knows.
pub(crate) struct Ended {
    pub(crate) result: ResultRequest,
    pub(crate) shim: Option<UnixStream>,
}

/// Reports a running attempt and then its end. Ends silently when the attempt is started anew.
pub(crate) async fn follow(
    attempts: Arc<Attempts>,
    id: i64,
    mut ended: oneshot::Receiver<Ended>,
    acknowledged: Arc<Notify>,
) {
    let mut report = Report::new(attempts, id);
    let mut backoff = backoff();
    let mut next = Instant::now() + FIRST_REPORT;
    let end = loop {
        tokio::select! {
            end = &mut ended => match end {
                Ok(end) => break end,
                Err(_) => return,
            },
            () = sleep_until(next) => {}
        }
        next = match report.live().await {
            Ok(()) => {
                backoff.reset();
                Instant::now() + EVERY
            }
            Err(error) => {
                tracing::debug!(attempt = id, "output was not sent: {error}");
                Instant::now() + backoff.wait()
            }
        };
    };
    report.end(end, &acknowledged).await;
}

/// Reports an end that is there already.
pub(crate) async fn finish(
    attempts: Arc<Attempts>,
    id: i64,
    result: ResultRequest,
    acknowledged: Arc<Notify>,
) {
    let end = Ended { result, shim: None };
    Report::new(attempts, id).end(end, &acknowledged).await;
}

const fn backoff() -> Backoff {
    Backoff::new(FIRST_WAIT, LONGEST_WAIT)
}

struct Report {
    attempts: Arc<Attempts>,
    id: i64,
    dir: PathBuf,
    start_told: bool,
    /// Until the server says that it does not want more.
    wanted: bool,
    sent: [Sent; 2],
}

impl Report {
    fn new(attempts: Arc<Attempts>, id: i64) -> Self {
        Self {
            dir: attempts.journal.dir(id),
            attempts,
            id,
            start_told: false,
            wanted: true,
            sent: Default::default(),
        }
    }

    async fn live(&mut self) -> Result<(), Error> {
        if !self.wanted {
            return Ok(());
        }
        let Ok(Some(started)) = journal::started(&self.dir) else {
            return Ok(());
        };
        let mut pieces = Vec::new();
        for (stream, sent) in STREAMS.into_iter().zip(&self.sent) {
            let total = Kept::scan(&self.dir, stream).map_or(0, |kept| kept.total());
            for range in live_ranges(sent.head(), sent.end(), total) {
                pieces.push((stream, range));
            }
        }
        if pieces.is_empty() && self.start_told {
            return Ok(());
        }
        let batch = self.read(&mut pieces.into_iter().collect());
        self.send_output(started.started_us, batch).await?;
        self.start_told = true;
        Ok(())
    }

    async fn end(mut self, Ended { result, shim }: Ended, acknowledged: &Notify) {
        let mut backoff = backoff();
        let mut logged = false;
        loop {
            let error = tokio::select! {
                delivered = self.deliver(&result) => match delivered {
                    Ok(()) => break,
                    Err(error) => error,
                },
                () = acknowledged.notified() => break,
            };
            if !std::mem::replace(&mut logged, true) {
                tracing::warn!(attempt = self.id, "result kept for later: {error}");
            }
            if error.is_for_the_request() {
                // Rather the end without its output than neither.
                self.wanted = false;
            }
            let wait = if error.lasting().is_some() {
                LASTING_WAIT
            } else {
                backoff.wait()
            };
            tokio::select! {
                () = sleep(wait) => {}
                () = self.attempts.online.notified() => {}
                () = acknowledged.notified() => break,
            }
        }
        if let Some(shim) = shim {
            let _ = shim.try_write(ACKNOWLEDGED);
        }
        self.attempts.forget(self.id);
    }

    async fn deliver(&mut self, result: &ResultRequest) -> Result<(), Error> {
        let mut left = Vec::new();
        if self.wanted {
            for (stream, sent) in STREAMS.into_iter().zip(&self.sent) {
                if result.stream_bytes.get(&stream) == Some(&0) {
                    continue;
                }
                let kept = Kept::scan(&self.dir, stream).unwrap_or_default();
                left.extend(
                    sent.missing(kept.ranges())
                        .into_iter()
                        .map(|range| (stream, range)),
                );
            }
        }
        let mut left = left.into_iter().collect();
        let mut batch = self.read(&mut left);
        while !left.is_empty() && self.wanted {
            self.send_output(result.started_us.unwrap_or(result.finished_us), batch)
                .await?;
            batch = self.read(&mut left);
        }
        let request = ResultRequest {
            chunks: if self.wanted { batch } else { Vec::new() },
            ..result.clone()
        };
        hit("before-result-sent");
        let Attempts { api, clock, .. } = &*self.attempts;
        let answer: ResultAnswer = api
            .post(clock, &path::result(self.id), Some(&request), LIMIT)
            .await?;
        hit("after-result-sent");
        if !answer.known {
            tracing::info!(attempt = self.id, "the server no longer knows this attempt");
        }
        Ok(())
    }

    async fn send_output(&mut self, started_us: i64, chunks: Vec<Chunk>) -> Result<(), Error> {
        let request = OutputRequest { started_us, chunks };
        let Attempts { api, clock, .. } = &*self.attempts;
        let answer: OutputAnswer = api
            .post(clock, &path::output(self.id), Some(&request), LIMIT)
            .await?;
        self.wanted = answer.wanted;
        for chunk in request.chunks {
            let sent = &mut self.sent[usize::from(chunk.stream == Stream::Stderr)];
            sent.add(chunk.offset..chunk.offset + chunk.data.len() as u64);
        }
        Ok(())
    }

    /// Takes one message's worth from the front of `left`.
    fn read(&self, left: &mut std::collections::VecDeque<(Stream, Range<u64>)>) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        let mut room = MESSAGE_BYTES;
        while room > 0
            && let Some((stream, range)) = left.pop_front()
        {
            let most = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            let most = most.min(OUTPUT_CHUNK_BYTES).min(room);
            // A piece that is gone meanwhile is behind the kept tail; the rest of its range may still be there.
            let data = output::read(&self.dir, stream, range.start, most).unwrap_or_default();
            let step = if data.is_empty() { most } else { data.len() } as u64;
            if range.start + step < range.end {
                left.push_front((stream, range.start + step..range.end));
            }
            if !data.is_empty() {
                room -= data.len();
                chunks.push(Chunk {
                    stream,
                    offset: range.start,
                    data,
                });
            }
        }
        chunks
    }
}

/// What to send now of a stream that has come to `total`, when the server has it without a gap up to `head` and
/// nothing beyond `end`.
fn live_ranges(head: u64, end: u64, total: u64) -> Vec<Range<u64>> {
    let head = head..total.min(OUTPUT_HEAD_BYTES).min(head + HEAD_BYTES);
    let newest = total.saturating_sub(LIVE_BYTES).max(end).max(OUTPUT_HEAD_BYTES)..total;
    [head, newest]
        .into_iter()
        .filter(|range| range.start < range.end)
        .collect()
}

/// Which parts of a stream the server has: few, sorted, apart.
#[derive(Debug, Default)]
struct Sent {
    parts: Vec<Range<u64>>,
}

impl Sent {
    /// Parts behind the head are forgotten but for the newest: what they lack is soon not kept any more.
    const MOST: usize = 64;

    fn head(&self) -> u64 {
        self.parts
            .first()
            .filter(|part| part.start == 0)
            .map_or(0, |part| part.end)
    }

    fn end(&self) -> u64 {
        self.parts.last().map_or(0, |part| part.end)
    }

    fn add(&mut self, part: Range<u64>) {
        self.parts.push(part);
        self.parts.sort_unstable_by_key(|part| part.start);
        let mut merged: Vec<Range<u64>> = Vec::new();
        for part in self.parts.drain(..) {
            match merged.last_mut() {
                Some(last) if part.start <= last.end => last.end = last.end.max(part.end),
                _ => merged.push(part),
            }
        }
        if merged.len() > Self::MOST {
            merged.remove(1);
        }
        self.parts = merged;
    }

    fn missing(&self, wanted: Vec<Range<u64>>) -> Vec<Range<u64>> {
        let mut missing = Vec::new();
        for Range { mut start, end } in wanted {
            for part in &self.parts {
                if part.end <= start || part.start >= end {
                    continue;
                }
                if part.start > start {
                    missing.push(start..part.start);
                }
                start = part.end;
            }
            if start < end {
                missing.push(start..end);
            }
        }
        missing
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "ranges are what is meant")]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_sent_is_missing() {
        let check = |sent: &[Range<u64>], wanted: &[Range<u64>], expected: &[Range<u64>]| {
            let mut parts = Sent::default();
            for part in sent {
                parts.add(part.clone());
            }
            assert_eq!(parts.missing(wanted.to_vec()), expected, "{sent:?}");
        };
        check(&[], &[0..10], &[0..10]);
        check(&[0..4, 4..6], &[0..10], &[6..10]);
        check(&[2..4, 6..8], &[0..10], &[0..2, 4..6, 8..10]);
        check(&[0..10, 90..100], &[0..10, 50..100], &[50..90]);
        check(&[0..100], &[0..10, 50..100], &[]);
        check(&[5..20], &[0..10, 15..30], &[0..5, 20..30]);
    }

    #[test]
    fn behind_the_head_only_the_newest_is_sent_live() {
        let head = OUTPUT_HEAD_BYTES;
        assert_eq!(live_ranges(0, 0, 0), vec![]);
        assert_eq!(live_ranges(3, 3, 10), vec![3..10]);
        assert_eq!(live_ranges(head, head, head + 5), vec![head..head + 5]);
        let far = head + 100 * LIVE_BYTES;
        assert_eq!(live_ranges(head, head, far), vec![far - LIVE_BYTES..far]);
        assert_eq!(live_ranges(far, far, far), vec![]);
        assert_eq!(live_ranges(0, 0, far), vec![0..HEAD_BYTES, far - LIVE_BYTES..far]);
    }
}
