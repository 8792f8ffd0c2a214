//! Moves instances: news and the clock become events, the engine says what follows, and all of it is written together.
//!
//! News are rows of the outbox. One is taken away in the transaction that does what it asks for, so a server that is
//! killed at any moment leaves either the news or all that follows from it.

use std::{collections::VecDeque, sync::Arc};

use futures_util::{StreamExt as _, stream};
use postern_domain::{
    AgentId, ApprovalId, ExecutionId, InstanceId, Timestamp,
    workflow::{
        Kind as PlanKind, Plan, StepIndex,
        engine::{self, Answer, Effect, Event, InstanceState},
    },
};
use postern_store::{
    Tx, approvals,
    outbox::{self, Kind, News},
    tx,
    workflows::{
        due,
        instances::{self, Instance, Moved},
        step_runs::StepRun,
    },
};

use super::{approve, finish, perform, runs::Runs};
use crate::{
    app::App,
    error::{Error, Result},
    http::Caller,
    named::json,
};

/// News looked at in one round.
const NEWS: u32 = 256;
/// Transactions at once.
const AT_ONCE: usize = 16;
/// Conditions decided in one transaction, which has a deadline. A loop of nothing else goes on in the next one.
const DECISIONS: u32 = 50;
/// After so many failures of the server an instance is given up.
const TRIES: u32 = 3;

/// Everything that is due.
pub(crate) async fn instances_advance(app: &App) -> Result<()> {
    loop {
        let now = app.now();
        let due = app
            .store
            .look::<_, Error, _>(tx!(tx => Ok(due::due(tx, now, NEWS).await?)))
            .await?;
        let timers = due.timers.into_iter();
        let items: Vec<Item> = due
            .news
            .into_iter()
            .map(Item::News)
            .chain(timers.map(|(id, run, due)| Item::Timer(id, run, due)))
            .chain(due.late.into_iter().map(Item::Late))
            .chain(due.silent.into_iter().map(Item::Silent))
            .collect();
        if items.is_empty() {
            return Ok(());
        }
        let moved: usize = stream::iter(items)
            .map(|item| contained(app.clone(), item))
            .buffer_unordered(AT_ONCE)
            .fold(0, |count, moved| async move { count + usize::from(moved) })
            .await;
        // What is left is in other hands, or fails: the next round looks again.
        if moved == 0 {
            return Ok(());
        }
    }
}

#[derive(Debug, Clone)]
enum Item {
    News(News),
    Timer(InstanceId, u32, Timestamp),
    Late(ApprovalId),
    /// Somebody should be reminded.
    Silent(ApprovalId),
}

/// A failure or a panic over one item is its own. Whether the item was done.
async fn contained(app: App, item: Item) -> bool {
    let failure = match tokio::spawn(one(app.clone(), item.clone())).await {
        Ok(Ok(done)) => return done,
        Ok(Err(error)) => error.to_string(),
        Err(panic) => {
            app.metrics.panics.inc();
            panic.to_string()
        }
    };
    app.metrics.background_errors.inc();
    tracing::warn!(
        failure,
        ?item,
        "an instance could not be moved; it is tried again"
    );
    if let Err(error) = finish::give_up_after(&app, subject(&app, &item).await, TRIES).await {
        tracing::warn!(%error, "a failure could not be counted");
    }
    false
}

/// The instance that an item is about.
async fn subject(app: &App, item: &Item) -> Option<InstanceId> {
    let item = item.clone();
    let found = app
        .store
        .read::<_, Error, _>(tx!(tx => {
            match item {
                Item::Timer(id, ..) => Ok(Some(id)),
                Item::Late(id) | Item::Silent(id) => Ok(approvals::find(tx, id).await?.map(|approval| approval.instance_id)),
                Item::News(news) => Ok(heard_by(tx, &news).await?.map(|(row, _)| row.id)),
            }
        }))
        .await;
    found.ok().flatten()
}

async fn one(app: App, item: Item) -> Result<bool> {
    let (now, inner) = (app.now(), app.clone());
    let done = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            let mut after = After::default();
            let taken = match item {
                Item::News(news) => hear(&inner, tx, &news, now, &mut after).await?,
                // A clock that was set back meanwhile.
                Item::Timer(_, _, due) if now < due => false,
                Item::Timer(id, run, _) => {
                    instances::timer_forget(tx, id, run).await?;
                    turn(&inner, tx, id, Event::Due { run }, now, &mut after).await?;
                    true
                }
                Item::Late(id) => {
                    after.messages = true;
                    approve::expire(&inner, tx, id, now).await?
                }
                Item::Silent(id) => {
                    after.messages = true;
                    approve::remind(&inner, tx, id, now).await?
                }
            };
            if taken {
                crate::failpoint::hit("in-instance-moved");
            }
            Ok(taken.then_some(after))
        }))
        .await?;
    if done.is_some() {
        crate::failpoint::hit("after-instance-moved");
    }
    let Some(after) = done else { return Ok(false) };
    after.wake(&app);
    Ok(true)
}

/// What is woken once an event is stored.
#[derive(Debug, Default)]
pub(super) struct After {
    pub(super) agents: Vec<AgentId>,
    /// There may be messages to send.
    pub(super) messages: bool,
}

impl After {
    pub(super) fn wake(self, app: &App) {
        app.hub.wake(self.agents);
        if self.messages {
            app.deliveries.notify_one();
        }
    }
}

/// The instance that news are about, and the run that waits for them where they name it.
async fn heard_by(tx: &mut Tx<'_>, news: &News) -> Result<Option<(Instance, Option<u32>)>> {
    let (id, run) = match news.kind {
        Kind::InstanceMade => (InstanceId(news.object), None),
        Kind::JobEnded => {
            let found = instances::find_by_execution(tx, ExecutionId(news.object)).await?;
            return Ok(found.map(|row| (row, None)));
        }
        Kind::InstanceEnded => {
            let child = instances::find(tx, InstanceId(news.object)).await?;
            match child.and_then(|child| child.parent_id.zip(child.parent_run)) {
                Some((id, run)) => (id, Some(run)),
                None => return Ok(None),
            }
        }
        Kind::ApprovalEnded => match approvals::find(tx, ApprovalId(news.object)).await? {
            Some(approval) => (approval.instance_id, Some(approval.run)),
            None => return Ok(None),
        },
    };
    Ok(instances::find(tx, id).await?.map(|row| (row, run)))
}

/// The instance is kept from others before what its news are about is looked at.
async fn hear(app: &App, tx: &mut Tx<'_>, news: &News, now: Timestamp, after: &mut After) -> Result<bool> {
    if news.kind == Kind::JobEnded {
        let execution = ExecutionId(news.object);
        let Some(ended) = due::take_job_ended(tx, news.id, execution).await? else {
            return Ok(false);
        };
        let row = ended.instance.filter(|row| !row.state.is_final() && !ended.open);
        let waiting = ended.run.filter(|run| run.outcome.is_none());
        if let Some((row, run)) = row.zip(waiting) {
            let mut turn = Turn::of(app, row, now, after)?;
            let event = finish::jobs(&mut turn, tx, run, execution).await?;
            turn.take(tx, event).await?;
        }
        return Ok(true);
    }
    if !outbox::take(tx, news.id).await? {
        return Ok(false);
    }
    let heard_by = heard_by(tx, news).await?;
    let Some((row, run)) = heard_by.filter(|(row, _)| !row.state.is_final()) else {
        return Ok(true);
    };
    let mut turn = Turn::of(app, row, now, after)?;
    if let Some(event) = finish::answer(&mut turn, tx, run, news).await? {
        turn.take(tx, event).await?;
    }
    Ok(true)
}

/// One event of an instance that nobody has looked at yet in this transaction.
pub(super) async fn turn(
    app: &App,
    tx: &mut Tx<'_>,
    id: InstanceId,
    event: Event,
    now: Timestamp,
    after: &mut After,
) -> Result<InstanceState> {
    let row = instances::find(tx, id)
        .await?
        .ok_or_else(|| Error::Internal(format!("instance {id} is gone")))?;
    let mut turn = Turn::of(app, row, now, after)?;
    turn.take(tx, event).await?;
    Ok(turn.machine.state)
}

/// An event of one instance while it is worked off.
pub(super) struct Turn<'a> {
    pub(super) app: &'a App,
    pub(super) plan: Arc<Plan>,
    pub(super) machine: engine::Instance,
    pub(super) row: Instance,
    pub(super) runs: Runs,
    pub(super) now: Timestamp,
    /// On whose account it acts, once that was asked for.
    pub(super) author: Option<Caller>,
    events: Vec<String>,
    /// Why runs failed in this turn.
    pub(super) reasons: std::collections::BTreeMap<u32, String>,
    decisions: u32,
    pub(super) after: &'a mut After,
}

impl<'a> Turn<'a> {
    fn of(app: &'a App, row: Instance, now: Timestamp, after: &'a mut After) -> Result<Self> {
        let machine = serde_json::from_str(&row.machine)
            .map_err(|error| Error::Internal(format!("instance {} in the database: {error}", row.id)))?;
        Ok(Self {
            app,
            plan: app.workflow_plans.of(&row.digest, &row.definition)?,
            machine,
            runs: Runs::of(row.id),
            row,
            now,
            author: None,
            events: Vec::new(),
            reasons: std::collections::BTreeMap::new(),
            decisions: 0,
            after,
        })
    }

    /// One event, and those that follow from it at once. An event that changes nothing is no error.
    async fn take(&mut self, tx: &mut Tx<'_>, event: Event) -> Result<()> {
        let mut waiting = VecDeque::from([self.taken_up(tx, event).await?]);
        let mut changed = false;
        while let Some(event) = waiting.pop_front() {
            self.note(&event);
            let Ok((machine, effects)) = engine::step(&self.plan, self.machine.clone(), event, self.now)
            else {
                self.events.pop();
                continue;
            };
            changed = true;
            self.machine = machine;
            for effect in effects {
                waiting.extend(self.effect(tx, effect).await?);
            }
        }
        if changed {
            self.store(tx).await?;
        }
        Ok(())
    }

    pub(super) fn tell(&mut self, step: Option<(usize, u32)>, text: String) {
        let mut event = serde_json::json!({"text": text});
        if let Some((step, run)) = step {
            event["step"] = self.plan.nodes[step].id.as_str().into();
            event["run"] = run.into();
        }
        self.events.push(event.to_string());
    }

    /// What moves it.
    fn note(&mut self, event: &Event) {
        let step = |run: u32| {
            let found = self.machine.runs.iter().find(|one| one.number == run);
            found.map(|one| (one.step, run))
        };
        let (step, text) = match event {
            Event::Begin => (None, "Started".to_owned()),
            Event::Cancel { reason } => (None, format!("Cancel: {reason}")),
            Event::Due { run } => (step(*run), "The wait is over".to_owned()),
            Event::Answered { run, attempt, answer } => {
                let what = match answer {
                    Answer::Hosts { succeeded, hosts } => format!("{succeeded} of {hosts} hosts succeeded"),
                    Answer::Succeeded => "Succeeded".to_owned(),
                    Answer::Failed => match self.reasons.get(run) {
                        Some(reason) => format!("Failed: {reason}"),
                        None => "Failed".to_owned(),
                    },
                    Answer::Decided(decision) => format!("The condition is {decision}"),
                };
                let text = if *attempt > 1 {
                    format!("{what} (try {attempt})")
                } else {
                    what
                };
                (step(*run), text)
            }
        };
        self.tell(step, text);
    }

    fn is_conditional(&self, step: StepIndex) -> bool {
        matches!(self.plan.nodes[step].kind, PlanKind::Conditional { .. })
    }

    /// The clock as it is, unless it is about a condition that was left for this transaction: then its decision.
    async fn taken_up(&mut self, tx: &mut Tx<'_>, event: Event) -> Result<Event> {
        let Event::Due { run } = event else {
            return Ok(event);
        };
        let left = self.machine.runs.iter().find(|one| one.number == run);
        let Some((step, attempt)) = left.map(|one| (one.step, one.attempt)) else {
            return Ok(event);
        };
        if !self.is_conditional(step) {
            return Ok(event);
        }
        let answer = perform::perform(self, tx, run, step, attempt).await?;
        Ok(answer.map_or(event, |answer| Event::Answered { run, attempt, answer }))
    }

    /// Does what the engine asks for. Returns what follows from it at once.
    async fn effect(&mut self, tx: &mut Tx<'_>, effect: Effect) -> Result<Option<Event>> {
        let id = self.row.id;
        match effect {
            Effect::Began { run, step, cause } => {
                let step_id = self.plan.nodes[step].id.clone();
                self.runs
                    .add(StepRun::began(run, step_id, json(&cause)?, self.now));
                self.tell(Some((step, run)), format!("Began, {}", why(cause)));
            }
            Effect::Perform { run, step, .. } if self.is_conditional(step) && self.decisions == DECISIONS => {
                instances::timer_set(tx, id, run, self.now).await?;
            }
            Effect::Perform { run, step, attempt } => {
                self.decisions += u32::from(self.is_conditional(step));
                return perform::perform(self, tx, run, step, attempt)
                    .await
                    .map(|answer| answer.map(|answer| Event::Answered { run, attempt, answer }));
            }
            Effect::WakeAt { run, at } => {
                instances::timer_set(tx, id, run, at).await?;
                let step = self
                    .machine
                    .runs
                    .iter()
                    .find(|one| one.number == run)
                    .map(|one| (one.step, run));
                self.tell(step, format!("Waits until {at}"));
            }
            Effect::Abort { run } => {
                if let Some(known) = self.runs.find(tx, run).await?.cloned() {
                    perform::abort(self.app, tx, id, &known, self.now, self.after).await?;
                }
            }
            Effect::Finished { run, step, outcome } => {
                // Other ends come after the wait, whose time is forgotten when it has come.
                if outcome == engine::Outcome::Cancelled {
                    instances::timer_forget(tx, id, run).await?;
                }
                finish::run(self, tx, run, step, outcome).await?;
                self.tell(Some((step, run)), format!("Ended: {}", word(outcome)));
            }
            Effect::Ended { state, reason } => {
                let text = match &reason {
                    Some(reason) => format!("The workflow is {}: {reason}", state.as_str()),
                    None => format!("The workflow is {}", state.as_str()),
                };
                self.tell(None, text);
                self.row.reason = reason;
                finish::instance(self, tx, state).await?;
            }
        }
        Ok(None)
    }

    async fn store(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        let state = self.machine.state;
        let moved = Moved {
            state,
            machine: json(&self.machine)?,
            reason: self.row.reason.clone(),
            ended: state.is_final().then_some(self.now),
            events: std::mem::take(&mut self.events),
        };
        self.runs.store(tx).await?;
        Ok(instances::save(tx, self.row.id, moved, self.now).await?)
    }
}

fn why(cause: engine::Cause) -> String {
    use engine::Cause::{Branch, Failure, False, Retry, Start, Success, True};
    match cause {
        Start => "as the first step".to_owned(),
        Retry => "because the workflow is tried again from here".to_owned(),
        Branch { of } => format!("as a branch of run {of}"),
        Success { of } => format!("after the success of run {of}"),
        Failure { of } => format!("after the failure of run {of}"),
        True { of } => format!("because the condition of run {of} holds"),
        False { of } => format!("because the condition of run {of} does not hold"),
    }
}

const fn word(outcome: engine::Outcome) -> &'static str {
    match outcome {
        engine::Outcome::Succeeded => "succeeded",
        engine::Outcome::Failed => "failed",
        engine::Outcome::Cancelled => "cancelled",
    }
}
