//! A whole execution as a file: ZIP with a folder per host, or JSON. Written while it is sent, job by job, so that
//! neither needs room for all of it.

use std::{io::Write as _, time::Duration};

use axum::body::{Body, Bytes};
use futures_util::Stream;
use postern_api::executions::ArchiveFormat;
use postern_domain::{ExecutionId, JobId, Timestamp, job::JobState, permission::Permission};
use postern_store::{
    jobs::{self, executions},
    outputs, tx,
};
use time::OffsetDateTime;
use tokio::{runtime::Handle, sync::mpsc};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::{
    blackouts::dark_for,
    convert::{attempt_of, bytes_of, job_of, output_of},
};
use crate::{
    app::App,
    error::{Error, Result},
    http::Caller,
};

/// Downloads that go on at once: each keeps a thread while it is read.
pub(crate) const AT_ONCE: usize = 8;
/// Whoever takes nothing for so long is no reader.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);
const RETRY_AFTER_SECONDS: u64 = 10;
/// Pieces that wait to be sent.
const WAITING: usize = 4;
const PIECE_BYTES: usize = 64 * 1024;

pub(super) async fn execution_download(
    app: &App,
    caller: &Caller,
    id: ExecutionId,
    format: ArchiveFormat,
) -> Result<Body> {
    let reach = caller.reach(Permission::JobsView);
    let found = app
        .store
        .scan::<_, Error, _>(tx!(tx => {
            let missing = || Error::not_found("execution", id);
            executions::find(tx, &reach, id).await?.ok_or_else(missing)?;
            Ok(executions::jobs_in(tx, &reach, id, JobState::ALL).await?)
        }))
        .await?;
    let place = app.downloads.clone().try_acquire_owned().map_err(|_| Error::Busy {
        code: "too_many_downloads",
        detail: format!(
            "{AT_ONCE} executions are being downloaded already. Wait {RETRY_AFTER_SECONDS} seconds, then try again."
        ),
        retry_after_seconds: RETRY_AFTER_SECONDS,
    })?;
    let (pieces, body) = mpsc::channel::<std::io::Result<Bytes>>(WAITING);
    let app = app.clone();
    let jobs: Vec<JobId> = found.into_iter().map(|(job, _)| job).collect();
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        // Given back when all is written.
        let _place = place;
        let mut out = Pieces::new(pieces, handle.clone());
        let read = |job| handle.block_on(read(&app, job));
        let written = match format {
            ArchiveFormat::Zip => zip(&mut out, &jobs, read),
            ArchiveFormat::Json => json(&mut out, &jobs, read),
        };
        // Whoever does not get this has no whole file, whatever else came.
        let last = written.and_then(|()| out.flush()).map(|()| end());
        let _ = out.send(last);
    });
    Ok(Body::from_stream(until_the_end(body)))
}

/// Behind the last piece; no piece is empty.
fn end() -> Bytes {
    Bytes::new()
}

/// What was cut off, as by a reader that took nothing for too long, must not look like a whole file: it ends with an error.
fn until_the_end(
    pieces: mpsc::Receiver<std::io::Result<Bytes>>,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    futures_util::stream::unfold(Some(pieces), |pieces| async move {
        let mut pieces = pieces?;
        match pieces.recv().await {
            Some(Ok(piece)) if piece.is_empty() => None,
            Some(Ok(piece)) => Some((Ok(piece), Some(pieces))),
            Some(Err(error)) => Some((Err(error), None)),
            None => Some((Err(std::io::ErrorKind::BrokenPipe.into()), None)),
        }
    })
}

struct One {
    name: String,
    /// When the job ended; when it was read while it has not.
    at: Timestamp,
    /// Everything but the output.
    report: serde_json::Value,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// `None` when the job was deleted meanwhile.
async fn read(app: &App, id: JobId) -> Result<Option<One>> {
    let now = app.now();
    app.store
        .read(tx!(tx => {
            let Some(job) = jobs::find(tx, id).await? else { return Ok(None) };
            let name = format!("{}-{id}", job.agent);
            let at = job.finished.unwrap_or(now);
            let attempt = jobs::attempts(tx, id).await?.pop();
            let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
            let dark = dark_for(tx, &job, now).await?;
            let mut report = serde_json::json!({"job": job_of(job, dark.as_ref(), now)?});
            if let Some(attempt) = attempt {
                let read_stdout = outputs::read(tx, attempt.id, outputs::Stream::Stdout, attempt.stdout_bytes).await?;
                let read_stderr = outputs::read(tx, attempt.id, outputs::Stream::Stderr, attempt.stderr_bytes).await?;
                report["output"] = serde_json::to_value(output_of(&attempt, &read_stdout, &read_stderr))
                    .map_err(|error| Error::Internal(error.to_string()))?;
                report["attempt"] = serde_json::to_value(attempt_of(attempt))
                    .map_err(|error| Error::Internal(error.to_string()))?;
                (stdout, stderr) = (bytes_of(&read_stdout), bytes_of(&read_stderr));
            }
            Ok(Some(One { name, at, report, stdout, stderr }))
        }))
        .await
}

fn zip(out: &mut Pieces, jobs: &[JobId], read: impl Fn(JobId) -> Result<Option<One>>) -> std::io::Result<()> {
    let mut archive = ZipWriter::new_stream(out);
    for job in jobs {
        let Some(mut one) = read(*job).map_err(std::io::Error::other)? else {
            continue;
        };
        let options = SimpleFileOptions::default().last_modified_time(date(one.at));
        // The streams are files of their own here.
        if let Some(report) = one.report.as_object_mut() {
            report.remove("output");
        }
        let report = serde_json::to_vec_pretty(&one.report)?;
        for (file, bytes) in [
            ("job.json", &report),
            ("stdout.txt", &one.stdout),
            ("stderr.txt", &one.stderr),
        ] {
            archive.start_file(format!("{}/{file}", one.name), options)?;
            archive.write_all(bytes)?;
        }
    }
    archive.finish()?;
    Ok(())
}

/// In UTC: a ZIP file says of no time where it holds. Times that it has no room for become its earliest.
fn date(at: Timestamp) -> zip::DateTime {
    let civil = OffsetDateTime::from_unix_timestamp(at.as_seconds()).ok();
    let date = civil.and_then(|civil| {
        let year = u16::try_from(civil.year()).ok()?;
        let (month, day) = (civil.month().into(), civil.day());
        zip::DateTime::from_date_and_time(year, month, day, civil.hour(), civil.minute(), civil.second()).ok()
    });
    date.unwrap_or_default()
}

fn json(
    out: &mut Pieces,
    jobs: &[JobId],
    read: impl Fn(JobId) -> Result<Option<One>>,
) -> std::io::Result<()> {
    out.write_all(b"[")?;
    let mut first = true;
    for job in jobs {
        let Some(one) = read(*job).map_err(std::io::Error::other)? else {
            continue;
        };
        out.write_all(if first { b"\n" } else { b",\n" })?;
        first = false;
        serde_json::to_writer(&mut *out, &one.report)?;
    }
    out.write_all(b"\n]\n")
}

/// Gathers what is written and hands it on in pieces, as fast as the reader takes them.
struct Pieces {
    to: mpsc::Sender<std::io::Result<Bytes>>,
    runtime: Handle,
    gathered: Vec<u8>,
}

impl Pieces {
    fn new(to: mpsc::Sender<std::io::Result<Bytes>>, runtime: Handle) -> Self {
        Self {
            to,
            runtime,
            gathered: Vec::with_capacity(PIECE_BYTES),
        }
    }

    fn hand_on(&mut self) -> std::io::Result<()> {
        let piece = Bytes::from(std::mem::take(&mut self.gathered));
        self.send(Ok(piece))
    }

    fn send(&self, piece: std::io::Result<Bytes>) -> std::io::Result<()> {
        self.runtime
            .block_on(self.to.send_timeout(piece, TAKEN_WITHIN))
            .map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }
}

impl std::io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= PIECE_BYTES {
            self.hand_on()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.gathered.is_empty() {
            Ok(())
        } else {
            self.hand_on()
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn only_what_was_written_to_its_end_looks_whole() {
        let piece = || Bytes::from_static(b"piece");
        let broken = || std::io::Error::from(std::io::ErrorKind::Other);
        for (sent, errors) in [
            (vec![Ok(piece()), Ok(end())], 0),
            (vec![Ok(piece())], 1),
            (vec![Ok(piece()), Err(broken())], 1),
            (vec![], 1),
        ] {
            let (to, pieces) = mpsc::channel(WAITING);
            for piece in sent {
                to.send(piece).await.unwrap();
            }
            drop(to);
            let came: Vec<_> = until_the_end(pieces).collect().await;
            let failed = came.iter().filter(|piece| piece.is_err()).count();
            assert_eq!(failed, errors, "{came:?}");
            assert!(came.iter().flatten().all(|sent| *sent == piece()), "{came:?}");
        }
    }
}
