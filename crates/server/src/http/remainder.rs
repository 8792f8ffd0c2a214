//! What is left of a request's body when its answer is ready.
//!
//! HTTP/2 allows an answer before the whole request has come, and calls the rest of the request off with a reset. Some
//! clients (curl 7 among them) take that reset for a failure and lose the answer, which is the refusal that would have
//! told their user what to do. So the rest is read before the answer goes, within bounds. Over HTTP/1.1 nothing is
//! called off: there the connection is closed behind the answer.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use http_body_util::BodyExt as _;
use hyper::{
    Request, Version,
    body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint},
    header,
};
use tokio::sync::oneshot;

use super::API_BODY_BYTES;

/// Read of it at most, as much as a request may have, and waited for it. Beyond that the client has to live with the reset.
const MOST_BYTES: u64 = API_BODY_BYTES as u64;
const MOST_TIME: Duration = Duration::from_secs(2);

/// Where a body comes back to that nobody read to its end.
#[derive(Debug)]
pub(super) struct Remainder(Option<oneshot::Receiver<Incoming>>);

/// The request for its handler, and the way back of its body. A request without a body costs nothing, and one whose body
/// is read to the end no wait.
pub(super) fn lend(request: Request<Incoming>) -> (Request<Body>, Remainder) {
    let is_reset = request.version() == Version::HTTP_2
        && !request.body().is_end_stream()
        // It is not sent before it is asked for.
        && !request.headers().contains_key(header::EXPECT);
    if !is_reset {
        return (request.map(Body::new), Remainder(None));
    }
    let (back, left) = oneshot::channel();
    let lent = |body| {
        Body::new(Lent {
            body: Some(body),
            back: Some(back),
        })
    };
    (request.map(lent), Remainder(Some(left)))
}

impl Remainder {
    /// Reads it away, once the answer is there.
    pub(super) async fn read(self) {
        // It never comes when it was read to its end, and not now when the answer still reads it.
        let Some(Ok(mut body)) = self.0.map(|mut left| left.try_recv()) else {
            return;
        };
        let mut room = MOST_BYTES;
        if body.size_hint().lower() > room {
            return;
        }
        let read = async {
            while let Some(Ok(frame)) = body.frame().await {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                room = match room.checked_sub(bytes) {
                    Some(room) => room,
                    None => return,
                };
            }
        };
        let _ = tokio::time::timeout(MOST_TIME, read).await;
    }
}

/// A body that goes back when it is dropped before its end.
struct Lent {
    body: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = self.body.as_mut() else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take()) {
            // Nobody waits for it when the answer is on its way already.
            let _ = back.send(body);
        }
    }
}
