//! Live events of one instance, as server-sent events: where it stands, at the start and whenever it was moved or something
//! else is told of it, as an answer to its question is.
//!
//! What its steps left is not told: who wants it asks for the instance. News only says *look*: each round reads the
//! database, so a lost piece of news, or one on another server, costs at most a second.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use postern_domain::InstanceId;
use postern_store::{tx, workflows::instances::Instance};
use tokio::sync::broadcast;

use super::{
    VIEW,
    instances::{instance_of, seen},
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
/// Moves that come within this time are one look: branches end side by side.
const GATHER: Duration = Duration::from_millis(50);

struct Watch {
    app: App,
    /// Asked again at every look: a session, token or role that ended ends this too.
    credentials: Arc<Credentials>,
    id: InstanceId,
    news: broadcast::Receiver<News>,
    sent: Option<Instance>,
    ready: VecDeque<Event>,
    ended: bool,
}

pub(super) async fn instance_watch(
    app: &App,
    credentials: Arc<Credentials>,
    id: InstanceId,
) -> Result<Sse<impl Stream<Item = std::result::Result<Event, Infallible>> + use<>>> {
    let mut watch = Watch {
        news: app.hub.watch(Watched::Instance(id)),
        app: app.clone(),
        credentials,
        id,
        sent: None,
        ready: VecDeque::new(),
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
                news = self.news.recv() => if news.is_ok() {
                    tokio::time::sleep(GATHER).await;
                },
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.app.shutdown.cancelled() => return None,
            }
            // Several pieces of news are answered by one look.
            self.news = self.news.resubscribe();
            if let Err(error) = self.look().await {
                tracing::debug!(%error, instance = self.id.0, "a watcher is sent away");
                return None;
            }
        }
    }

    async fn look(&mut self) -> Result<()> {
        let caller = caller::identify(&self.app, &self.credentials, "instance_watch")
            .await
            .map_err(|refused| refused.1)?;
        let id = self.id;
        let row = self
            .app
            .store
            .read::<_, Error, _>(tx!(tx => seen(tx, &caller, id, VIEW).await))
            .await?;
        if self.sent.as_ref() == Some(&row) {
            return Ok(());
        }
        self.sent = Some(row.clone());
        let instance = instance_of(&self.app, row)?;
        self.ended = instance.state.is_final();
        let event = Event::default().event("state").json_data(&instance);
        let event = event.map_err(|error| Error::Internal(format!("an event of instance {id}: {error}")))?;
        self.ready.push_back(event);
        if self.ended {
            self.ready.push_back(Event::default().event("end").data("{}"));
        }
        Ok(())
    }
}
