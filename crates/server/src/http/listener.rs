//! Accepts TLS connections and serves them, HTTP/2 or HTTP/1.1, until told to stop.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use super::remainder;

/// Longest time for a TLS handshake, and for the head of a request to arrive.
const HANDSHAKE: Duration = Duration::from_secs(10);
const HEAD: Duration = Duration::from_secs(15);
/// What a connection still has to say when the server stops.
const DRAIN: Duration = Duration::from_secs(5);
/// Connections at once; more wait in the kernel's queue.
const CONNECTIONS: usize = 65_536;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 64;
/// HTTP/2 buffers per stream and connection: agents send little, and there are thousands of them.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Nothing is remembered of the headers before: most of an agent's are proofs, which never come again.
const HEADER_TABLE: u32 = 0;
/// How a client says in the TLS handshake that it speaks HTTP/2; any other speaks HTTP/1.1.
pub(crate) const HTTP2: &[u8] = b"h2";

pub(crate) async fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    router: Router,
    stop: CancellationToken,
) {
    let acceptor = TlsAcceptor::from(tls);
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let connections = TaskTracker::new();
    loop {
        let slot = slots.clone().acquire_owned().await;
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: let some connections end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (acceptor, router, stop) = (acceptor.clone(), router.clone(), stop.clone());
        connections.spawn(async move {
            let _slot = slot;
            // Answers are small and waited for.
            let _ = stream.set_nodelay(true);
            match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => connection(stream, address, router, stop).await,
                Ok(Err(error)) => tracing::debug!(%error, %address, "TLS handshake failed"),
                Err(_) => tracing::debug!(%address, "TLS handshake took too long"),
            }
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(
    stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    address: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        let router = router.clone();
        async move {
            request.extensions_mut().insert(address);
            let (request, remainder) = remainder::lend(request);
            let answer = router
                .oneshot(request)
                .await
                .unwrap_or_else(|never| match never {});
            remainder.read().await;
            Ok::<_, Infallible>(answer)
        }
    });
    let speaks_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
    let stream = TokioIo::new(stream);
    if speaks_http2 {
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .header_table_size(HEADER_TABLE)
            .max_header_list_size(16 * 1024)
            .serve_connection(stream, service);
        finish(connection, address, stop).await;
    } else {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(64 * 1024)
            .serve_connection(stream, service);
        finish(connection, address, stop).await;
    }
}

async fn finish(
    connection: impl GracefulConnection<Error = hyper::Error>,
    address: SocketAddr,
    stop: CancellationToken,
) {
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(DRAIN, connection).await {
                Ok(result) => result,
                // A download that takes its time, or a peer that never said a word.
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %address, "connection ended");
    }
}
