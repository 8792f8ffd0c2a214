//! How requests come in: routes with a declared access, the caller, bodies, lists, repeated creations.

pub(crate) mod caller;
pub(crate) mod extract;
pub(crate) mod idempotency;
pub(crate) mod listener;
mod remainder;
mod route;
mod ui;

use axum::{
    Router,
    body::HttpBody,
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{CompressionLayer, Predicate},
};
use utoipa::openapi::OpenApi;

pub(crate) use caller::{Caller, caller_of};
pub(crate) use route::{Access, Routes};

use crate::{app::App, error::Error, rooms};

/// Largest body of the REST API: the largest script, escaped.
pub(crate) const API_BODY_BYTES: usize = 4 * 1024 * 1024;

/// Everything the server answers to.
pub(crate) fn router(app: &App) -> Router {
    let (routes, document) = rooms::routes(Some(app.clone())).finish();
    let openapi = serde_json::to_vec(&document).unwrap_or_default();
    let panics = app.metrics.panics.clone();
    Router::new()
        .merge(routes)
        .route(
            "/api/v1/openapi.json",
            axum::routing::get(
                move || async move { ([(header::CONTENT_TYPE, "application/json")], openapi) },
            ),
        )
        .merge(rooms::agents::install::router())
        .merge(rooms::system::router())
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(ui::serve)
        .layer(middleware::from_fn(headers))
        .layer(CompressionLayer::new().compress_when(Compressible))
        // Agents are many and no browsers: their way has nothing on it that they do not need.
        .merge(rooms::agents::gateway::router())
        .merge(rooms::jobs::gateway::router())
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app.clone())
        .layer(CatchPanicLayer::custom(move |_| {
            panics.inc();
            Error::Internal("a request panicked".into()).into_response()
        }))
}

async fn method_not_allowed() -> Error {
    Error::MethodNotAllowed
}

/// The OpenAPI document of this build.
pub(crate) fn document() -> OpenApi {
    rooms::routes(None).finish().1
}

/// Pages, scripts and lists; never streams. The length is asked of the body: its header is written after this.
#[derive(Clone, Copy)]
struct Compressible;

impl Predicate for Compressible {
    fn should_compress<B: HttpBody>(&self, response: &axum::http::Response<B>) -> bool {
        let kind = response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let long = response
            .body()
            .size_hint()
            .exact()
            .is_some_and(|length| length > 1024);
        long && [
            "text/",
            "application/json",
            "application/problem+json",
            "image/svg",
            "application/javascript",
        ]
        .iter()
        .any(|known| kind.starts_with(known))
            && !kind.starts_with("text/event-stream")
    }
}

/// What a browser must know of every answer.
async fn headers(request: Request, next: Next) -> Response {
    const FIXED: [(HeaderName, HeaderValue); 6] = [
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'self'; img-src 'self' data:; connect-src 'self'; \
                 object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
            ),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ];
    let dynamic = request.uri().path().starts_with("/api/") || request.uri().path().starts_with("/agent/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, value);
    }
    if dynamic && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
