//! Stays with an instance until it has ended, over lost connections and restarts of the server.

use std::{collections::BTreeSet, process::ExitCode, time::Duration};

use postern_api::{ListRequest, jobs::StreamName, workflows::InstanceDetail};
use postern_client::{Error, InstanceWatch};
use postern_domain::{ApprovalId, InstanceId, workflow::engine::InstanceState};
use tokio::time::Instant;

use super::instances::{ending, print_runs, told};
use crate::{
    commands::jobs::{
        run::{INTERRUPTED, POSTERN_FAILED},
        watch::AWAY_FOR,
    },
    context::Context,
    failure::Failure,
    words,
};

/// While the server cannot be reached.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);
/// Largest page the server gives.
const PAGE: u32 = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Only the end matters.
    Wait,
    /// What happens is printed as it comes.
    Follow,
}

/// The exit code says how the instance ended.
pub(super) async fn stay(id: InstanceId, how: How, context: &Context<'_>) -> Result<ExitCode, Failure> {
    let console = context.console;
    let watcher = Watcher {
        id,
        how,
        context,
        seen: 0,
        page: None,
        asked: BTreeSet::new(),
        waits: None,
        news: None,
    };
    tokio::select! {
        ended = watcher.watch() => {
            let detail = ended.map_err(|failure| Failure::OfPostern(Box::new(failure)))?;
            console.answer(&detail, |detail| {
                if how == How::Wait {
                    print_runs(detail, console);
                }
                console.note(&format!("instance {id} of {}: {}", detail.instance.workflow, ending(&detail.instance)));
            })?;
            Ok(ExitCode::from(exit_code(detail.instance.state)))
        }
        _ = tokio::signal::ctrl_c() => {
            console.note(&format!("not watched any more, but not stopped: `postern instance cancel {id}` stops it"));
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

const fn exit_code(state: InstanceState) -> u8 {
    match state {
        InstanceState::Completed => 0,
        InstanceState::Failed => 1,
        _ => POSTERN_FAILED,
    }
}

struct Watcher<'a> {
    id: InstanceId,
    how: How,
    context: &'a Context<'a>,
    /// Number of the last event that was printed.
    seen: u32,
    /// Where the page of events begins that was read last: more may be added to it.
    page: Option<String>,
    /// Approvals that were told of.
    asked: BTreeSet<ApprovalId>,
    /// What was told last of what it waits for.
    waits: Option<String>,
    /// Says when there is something to look at; absent while the connection is lost.
    news: Option<InstanceWatch>,
}

impl Watcher<'_> {
    async fn watch(mut self) -> Result<InstanceDetail, Failure> {
        let mut last_there = Instant::now();
        let mut away = false;
        loop {
            match self.look().await {
                Ok(detail) if detail.instance.state.is_final() => return Ok(detail),
                Ok(_) => {
                    last_there = Instant::now();
                    away = false;
                }
                Err(error) if !error.is_transient() || last_there.elapsed() > AWAY_FOR => {
                    return Err(error.into());
                }
                Err(_) if away => {}
                Err(_) => {
                    away = true;
                    let text = "the server cannot be reached; trying again …";
                    self.context.console.note(text);
                }
            }
            self.until_moved().await;
        }
    }

    /// Until the instance was moved, or may have been.
    async fn until_moved(&mut self) {
        if self.news.is_none() {
            // What it says first was perhaps not seen yet.
            self.news = self.context.client.instance_watch(self.id).await.ok();
        }
        if let Some(news) = &mut self.news
            && let Ok(Some(_)) = news.next().await
        {
            return;
        }
        self.news = None;
        tokio::time::sleep(BETWEEN_TRIES).await;
    }

    async fn look(&mut self) -> Result<InstanceDetail, Error> {
        // The state first: once it has ended, the events that are read behind it are all there are.
        let detail = self.context.client.instance_show(self.id).await?;
        if self.context.console.is_json() {
            return Ok(detail);
        }
        if self.how == How::Follow {
            self.print_events().await?;
        }
        self.tell_of_questions(&detail);
        self.tell_of_waits(&detail);
        Ok(detail)
    }

    async fn print_events(&mut self) -> Result<(), Error> {
        let (client, console) = (&self.context.client, self.context.console);
        loop {
            let request = ListRequest {
                limit: Some(PAGE),
                cursor: self.page.clone(),
                ..ListRequest::default()
            };
            let page = client.instance_event_list(self.id, &request).await?;
            for event in page.items.iter().filter(|event| event.number > self.seen) {
                console.say(&told(event));
            }
            self.seen = page
                .items
                .last()
                .map_or(self.seen, |last| last.number.max(self.seen));
            match page.next_cursor {
                Some(next) => self.page = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// What a person who watches can do something about.
    fn tell_of_questions(&mut self, detail: &InstanceDetail) {
        let console = self.context.console;
        if !console.is_terminal(StreamName::Stderr) {
            return;
        }
        let open = detail.runs.iter().filter(|run| run.outcome.is_none());
        for approval in open.filter_map(|run| run.approval_id) {
            if self.asked.insert(approval) {
                console.note(&format!(
                    "instance {} waits for approval {approval}: `postern approval show {approval}`",
                    self.id
                ));
            }
        }
    }

    fn tell_of_waits(&mut self, detail: &InstanceDetail) {
        let console = self.context.console;
        if console.is_terminal(StreamName::Stderr)
            && let Some(waits) = &detail.waits
            && self.waits != detail.waits
        {
            console.note(&format!(
                "instance {} waits: {}",
                self.id,
                words::with_moments(waits)
            ));
        }
        self.waits.clone_from(&detail.waits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_says_how_the_instance_ended() {
        let table = [
            (InstanceState::Completed, 0),
            (InstanceState::Failed, 1),
            (InstanceState::Cancelled, 125),
        ];
        for (state, code) in table {
            assert_eq!(exit_code(state), code, "{state:?}");
        }
    }
}
