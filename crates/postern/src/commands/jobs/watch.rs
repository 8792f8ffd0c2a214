//! Stays with a job until it has ended, over lost connections and restarts of the server.

use std::time::Duration;

use postern_api::jobs::Job;
use postern_client::{Client, Error, JobEvent, JobEvents};
use postern_domain::{JobId, job::WaitReason};
use tokio::time::Instant;

use super::printer::Printer;
use crate::{failure::Failure, output::Console};

/// How long the server may be away before a job is given up here; the job itself goes on.
pub(crate) const AWAY_FOR: Duration = Duration::from_secs(5 * 60);
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Where the job's news go.
#[derive(Debug)]
pub(super) struct Watcher<'a> {
    pub(super) client: &'a Client,
    pub(super) console: &'a Console,
    /// `None`: only the end matters.
    pub(super) printer: Option<Printer<'a>>,
    pub(super) tells: Tells,
}

/// What is said of why a job waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    Everything,
    /// Of many jobs not that each waits for its batch: that was asked for.
    AllButBatches,
}

/// Whether the connection ended because the job did.
enum Ended {
    Job(Box<Job>),
    Connection,
}

impl Watcher<'_> {
    pub(super) async fn watch(mut self, id: JobId) -> Result<Job, Failure> {
        let mut last_there = Instant::now();
        let mut wait = FIRST_WAIT;
        let mut told = false;
        let mut waits_for = None;
        loop {
            let mut news = false;
            let ended = match self.client.job_events(id).await {
                Ok(events) => {
                    let ended = self.read(id, events, &mut news, &mut waits_for).await?;
                    // A job may be silent for hours: what counts is the connection, not the last event.
                    last_there = Instant::now();
                    ended
                }
                Err(error) if last_there.elapsed() > AWAY_FOR => return Err(error.into()),
                Err(error) => interrupted(error)?,
            };
            if let Ended::Job(job) = ended {
                if let Some(printer) = &mut self.printer {
                    printer.finish();
                }
                return Ok(*job);
            }
            if news {
                wait = FIRST_WAIT;
                told = false;
            }
            if !told && wait > FIRST_WAIT {
                told = true;
                self.console.note("the server cannot be reached; trying again …");
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Refusals that waiting does not help against are errors; anything else is an interruption.
    async fn read(
        &mut self,
        id: JobId,
        mut events: JobEvents,
        news: &mut bool,
        waits_for: &mut Option<String>,
    ) -> Result<Ended, Failure> {
        let mut last = None;
        loop {
            let event = match events.next().await {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(Ended::Connection),
                Err(error) => return interrupted(error),
            };
            *news = true;
            match event {
                JobEvent::State(job) => {
                    self.tell(&job, waits_for);
                    last = Some(job);
                }
                JobEvent::Output(output) => {
                    if let Some(printer) = &mut self.printer {
                        printer.output(&output);
                    }
                }
                JobEvent::End => {
                    return match last {
                        Some(job) if job.state.is_final() => Ok(Ended::Job(job)),
                        _ => match self.client.job_show(id).await {
                            Ok(detail) if detail.job.state.is_final() => Ok(Ended::Job(Box::new(detail.job))),
                            Ok(_) => Ok(Ended::Connection),
                            Err(error) => interrupted(error),
                        },
                    };
                }
            }
        }
    }

    fn tell(&self, job: &Job, waits_for: &mut Option<String>) {
        let expected = |reason: WaitReason| self.tells == Tells::AllButBatches && reason == WaitReason::Batch;
        let wait = job.waits.as_ref().filter(|wait| !expected(wait.reason));
        let text = wait.map(|wait| wait.text.clone());
        if let Some(text) = text.as_deref().filter(|text| waits_for.as_deref() != Some(*text)) {
            self.console
                .note(&format!("job {} on {} waits: {text}", job.id, job.agent));
        }
        *waits_for = text;
    }
}

fn interrupted(error: Error) -> Result<Ended, Failure> {
    if error.is_transient() {
        Ok(Ended::Connection)
    } else {
        Err(error.into())
    }
}
