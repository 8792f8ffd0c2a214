//! What people and programs are told of approvals.

use postern_api::notify::MessageData;
use postern_domain::{Timestamp, UserId, approval::ApprovalState, notify::Topic};
use postern_store::{Tx, approvals};

use crate::{
    app::App,
    error::Result,
    rooms::notify::{self, News},
};

/// People are asked, or asked once more.
pub(crate) async fn waits(
    app: &App,
    tx: &mut Tx<'_>,
    row: &approvals::Approval,
    topic: Topic,
    people: &[UserId],
    now: Timestamp,
) -> Result<()> {
    let news = news_of(row, topic, None);
    notify::tell(app, tx, &news, now).await?;
    notify::tell_people(app, tx, &news, people, now).await
}

pub(crate) async fn ended(
    app: &App,
    tx: &mut Tx<'_>,
    row: &approvals::Approval,
    state: ApprovalState,
    now: Timestamp,
) -> Result<()> {
    let news = news_of(row, Topic::ApprovalEnded, Some(state));
    notify::tell(app, tx, &news, now).await
}

fn news_of(row: &approvals::Approval, topic: Topic, state: Option<ApprovalState>) -> News {
    News {
        topic,
        place: row.place(),
        page: format!("/approvals/{}", row.id),
        data: MessageData {
            title: row.title.clone(),
            message: row.description.clone(),
            workflow: Some(row.workflow.clone()),
            instance_id: Some(row.instance_id),
            approval_id: Some(row.id),
            deadline: state.is_none().then_some(row.deadline),
            state: state.map(|state| state.as_str().to_owned()),
            ..Default::default()
        },
    }
}
