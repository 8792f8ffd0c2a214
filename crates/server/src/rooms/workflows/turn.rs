//! An event of one instance while it is worked off: the engine says what follows, and all of it is stored together.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use postern_api::workflows::{CauseKind, EventCause};
use postern_domain::{
    AgentId, InstanceId, Timestamp,
    workflow::{
        Kind as PlanKind, Plan, StepIndex,
        engine::{self, Answer, Effect, Event, InstanceState},
    },
};
use postern_store::{
    Tx,
    workflows::{
        instances::{self, Instance, Moved},
        step_runs::StepRun,
    },
};

use super::{
    finish,
    perform::{self, Stop},
    runs::Runs,
};
use crate::{
    app::App,
    error::{Error, Result},
    http::Caller,
    named::json,
};

/// Conditions decided in one transaction, which has a deadline. A loop of nothing else goes on in the next one.
const DECISIONS: u32 = 50;

/// What is woken once an event is stored.
#[derive(Debug, Default)]
pub(super) struct After {
    pub(super) agents: Vec<AgentId>,
    /// Instances that people may be watching.
    pub(super) moved: Vec<InstanceId>,
    /// There may be messages to send.
    pub(super) messages: bool,
}

impl After {
    pub(super) fn wake(self, app: &App) {
        app.hub.wake(self.agents);
        app.hub.instances_moved(self.moved);
        if self.messages {
            app.deliveries.notify_one();
        }
    }
}

/// One event of an instance that nobody has looked at yet in this transaction.
pub(super) async fn turn(
    app: &App,
    tx: &mut Tx<'_>,
    id: InstanceId,
    (event, cause): (Event, EventCause),
    now: Timestamp,
    after: &mut After,
) -> Result<InstanceState> {
    let row = instances::find(tx, id)
        .await?
        .ok_or_else(|| Error::Internal(format!("instance {id} is gone")))?;
    let mut turn = Turn::of(app, row, cause, now, after)?;
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
    /// What the next thing that is told came of.
    cause: EventCause,
    events: Vec<String>,
    /// Why runs failed in this turn.
    pub(super) reasons: BTreeMap<u32, String>,
    decisions: u32,
    pub(super) after: &'a mut After,
}

impl<'a> Turn<'a> {
    /// `cause`: what moves it.
    pub(super) fn of(
        app: &'a App,
        row: Instance,
        cause: EventCause,
        now: Timestamp,
        after: &'a mut After,
    ) -> Result<Self> {
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
            cause,
            events: Vec::new(),
            reasons: BTreeMap::new(),
            decisions: 0,
            after,
        })
    }

    /// One event, and those that follow from it at once. An event that changes nothing is no error.
    pub(super) async fn take(&mut self, tx: &mut Tx<'_>, event: Event) -> Result<()> {
        let first = self.taken_up(tx, event).await?;
        let mut waiting = VecDeque::from([(first, self.cause.clone())]);
        let mut changed = false;
        while let Some((event, cause)) = waiting.pop_front() {
            let cause = self.placed(cause, &event);
            self.cause = cause.clone();
            self.note(&event);
            let Ok((machine, effects)) = engine::step(&self.plan, self.machine.clone(), event, self.now)
            else {
                self.events.pop();
                continue;
            };
            changed = true;
            self.machine = machine;
            for effect in effects {
                self.cause = self.cause_of(tx, &effect, &cause).await?;
                let follows = self.effect(tx, effect).await?;
                waiting.extend(follows.map(|event| (event, self.cause.clone())));
            }
        }
        if changed {
            self.store(tx).await?;
        }
        Ok(())
    }

    pub(super) fn tell(&mut self, step: Option<(usize, u32)>, text: String) {
        let mut event = serde_json::json!({"text": text, "cause": self.cause});
        if let Some((step, run)) = step {
            event["step"] = self.plan.nodes[step].id.as_str().into();
            event["run"] = run.into();
        }
        self.events.push(event.to_string());
    }

    fn open(&self, run: u32) -> Option<&engine::Run> {
        self.machine.runs.iter().find(|one| one.number == run)
    }

    /// With the run that an event is about, where it is about one.
    fn placed(&self, cause: EventCause, event: &Event) -> EventCause {
        match event {
            Event::Answered { run, .. } | Event::Due { run } if cause.run.is_none() => EventCause {
                step: self.open(*run).map(|one| self.plan.nodes[one.step].id.clone()),
                run: Some(*run),
                ..cause
            },
            _ => cause,
        }
    }

    /// What an effect comes of: a step of its own work or of the run that led to it, all else of what its event came of.
    async fn cause_of(&mut self, tx: &mut Tx<'_>, effect: &Effect, event: &EventCause) -> Result<EventCause> {
        let own = match effect {
            Effect::Began { cause, .. } => cause.of(),
            Effect::Perform { run, .. } | Effect::Deadline { run, .. } => Some(*run),
            Effect::WakeAt { run, .. } => self.is_delay(*run).then_some(*run),
            Effect::Abort { .. }
            | Effect::Overdue { .. }
            | Effect::Finished { .. }
            | Effect::Ended { .. } => None,
        };
        let Some(run) = own else {
            return Ok(event.clone());
        };
        let known = self.runs.find(tx, run).await?;
        Ok(EventCause {
            step: known.map(|known| known.step.clone()),
            run: Some(run),
            ..EventCause::of(CauseKind::Step)
        })
    }

    /// Whether it was told to stop because its time was over.
    pub(super) fn is_overdue(&self, run: u32) -> bool {
        self.open(run).is_some_and(|one| one.overdue)
    }

    /// The parallel step around it whose time was over.
    pub(super) fn overdue_around(&self, run: u32) -> Option<&str> {
        let mut inner = self.open(run)?;
        while let Some((of, _)) = inner.parent {
            inner = self.open(of)?;
            if inner.overdue {
                return Some(&self.plan.nodes[inner.step].id);
            }
        }
        None
    }

    fn is_delay(&self, run: u32) -> bool {
        let step = self.open(run).map(|one| one.step);
        step.is_some_and(|step| matches!(self.plan.nodes[step].kind, PlanKind::Delay { .. }))
    }

    /// What moves it.
    fn note(&mut self, event: &Event) {
        let step = |run: u32| self.open(run).map(|one| (one.step, run));
        let (step, text) = match event {
            Event::Begin => (None, "Started".to_owned()),
            Event::Cancel { reason } => (None, format!("Cancel: {reason}")),
            Event::Due { run } => {
                let waited = |one: &engine::Run| matches!(one.phase, engine::Phase::Waiting { .. });
                let worked = self.open(*run).is_some_and(|one| !waited(one));
                let text = if worked {
                    "Its time is over"
                } else {
                    "The wait is over"
                };
                (step(*run), text.to_owned())
            }
            Event::Answered { run, attempt, answer } => {
                let what = match answer {
                    Answer::Hosts { succeeded, hosts } => format!("{succeeded} of {hosts} hosts succeeded"),
                    Answer::Succeeded | Answer::Ended { completed: true } => "Succeeded".to_owned(),
                    Answer::Failed | Answer::Ended { completed: false } => match self.reasons.get(run) {
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
        let Some((step, attempt)) = self.open(run).map(|one| (one.step, one.attempt)) else {
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
                let step = self.open(run).map(|one| (one.step, run));
                self.tell(step, format!("Waits until {at}"));
            }
            Effect::Deadline { run, at } => {
                instances::timer_set(tx, id, run, at).await?;
                let step = self.open(run).map(|one| (one.step, run));
                self.tell(step, format!("Has time until {at}"));
            }
            Effect::Abort { run } => {
                if let Some(known) = self.runs.find(tx, run).await?.cloned() {
                    let stop = Stop::of(self, &known);
                    perform::abort(self.app, tx, &known, stop, self.now, self.after).await?;
                }
            }
            Effect::Overdue { run } => {
                let reason = "It took too long: what its branches still did was told to stop";
                self.runs.change(tx, run).await?.reason = Some(reason.to_owned());
            }
            Effect::Finished { run, step, outcome } => {
                // Other ends come after the wait, whose time is forgotten when it has come; what has a deadline comes before.
                let has_deadline = matches!(
                    self.plan.nodes[step].kind,
                    PlanKind::Workflow {
                        timeout_seconds: Some(_),
                        ..
                    } | PlanKind::Parallel {
                        timeout_seconds: Some(_),
                        ..
                    }
                );
                if outcome == engine::Outcome::Cancelled || has_deadline {
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
        self.after.moved.push(self.row.id);
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
