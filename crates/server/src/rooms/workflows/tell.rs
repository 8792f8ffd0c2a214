//! What workflows tell people and programs.

use postern_api::notify::MessageData;
use postern_domain::{
    Timestamp,
    notify::Topic,
    workflow::{NotifyStep, StepIndex, engine::InstanceState},
};
use postern_store::{Tx, workflows::instances::Instance};

use super::{turn::Turn, work};
use crate::{
    app::App,
    error::Result,
    rooms::notify::{self, News},
};

/// A step that says something. It has succeeded when the messages are written down; what became of each is with it.
pub(super) async fn notify(
    turn: &mut Turn<'_>,
    tx: &mut Tx<'_>,
    run: u32,
    step: StepIndex,
    says: &NotifyStep,
) -> Result<()> {
    let (title, message) = {
        let known = work::Known::of(turn, tx, step).await?;
        let scope = known.scope(turn);
        let message = says.message.as_deref();
        (
            work::text(&scope, "title", &says.title)?,
            message
                .map(|text| work::text(&scope, "message", text))
                .transpose()?,
        )
    };
    let news = News {
        topic: Topic::StepNotify,
        place: turn.row.place(),
        page: page_of(&turn.row),
        data: MessageData {
            title,
            message,
            ..about(&turn.row)
        },
    };
    let told = notify::notify(turn.app, tx, &news, &says.to, turn.now).await?;
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    turn.tell(Some((step, run)), format!("Told {}", names.join(", ")));
    turn.after.messages = true;
    Ok(())
}

/// An instance has ended as this.
pub(super) async fn instance_ended(
    app: &App,
    tx: &mut Tx<'_>,
    row: &Instance,
    state: InstanceState,
    now: Timestamp,
) -> Result<()> {
    let news = News {
        topic: Topic::InstanceEnded,
        place: row.place(),
        page: page_of(row),
        data: MessageData {
            title: format!("Workflow {} is {}", row.workflow, state.as_str()),
            state: Some(state.as_str().to_owned()),
            reason: row.reason.clone(),
            ..about(row)
        },
    };
    notify::tell(app, tx, &news, now).await
}

fn page_of(row: &Instance) -> String {
    format!("/instances/{}", row.id)
}

fn about(row: &Instance) -> MessageData {
    MessageData {
        workflow: Some(row.workflow.clone()),
        instance_id: Some(row.id),
        ..Default::default()
    }
}
