//! Routes: each operation declares who may call it, or it does not compile.
//!
//! The layer of an operation finds out who calls, refuses whoever has the permission nowhere, counts the answer,
//! and records every refused change. Whether the permission holds at the object's place is the service's
//! decision.

use std::time::Instant;

use axum::{
    Extension, Router,
    extract::{Request, State},
    http::Method,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use postern_domain::permission::Permission;
use postern_store::{audit, tx};
use utoipa::openapi::{OpenApi, extensions::Extensions};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::caller::{self, Caller};
use crate::{
    app::App,
    error::{Error, Refused},
    metrics::RequestLabels,
};

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anyone: signing in.
    Public,
    /// Whoever is signed in: their own session and tokens.
    SignedIn,
    /// Whoever holds the permission at the object's place.
    Permission(Permission),
}

/// The operations of a room.
pub(crate) struct Routes {
    /// Absent when only the document is wanted.
    app: Option<App>,
    router: OpenApiRouter<App>,
}

#[derive(Debug, Clone)]
struct Operation {
    name: &'static str,
    access: Access,
}

impl Routes {
    pub(crate) fn new(app: Option<App>, document: OpenApi) -> Self {
        Self {
            app,
            router: OpenApiRouter::with_openapi(document),
        }
    }

    /// `name` is the operation's name in every layer, and the `operation_id` in the document.
    pub(crate) fn operation(
        mut self,
        name: &'static str,
        access: Access,
        (schemas, mut paths, method_router): UtoipaMethodRouter<App>,
    ) -> Self {
        let required = match access {
            Access::Public => "public".to_owned(),
            Access::SignedIn => "signed_in".to_owned(),
            Access::Permission(permission) => permission.to_string(),
        };
        for item in paths.paths.values_mut() {
            for operation in [
                &mut item.get,
                &mut item.post,
                &mut item.put,
                &mut item.patch,
                &mut item.delete,
            ]
            .into_iter()
            .flatten()
            {
                debug_assert_eq!(operation.operation_id.as_deref(), Some(name));
                operation.extensions = Some(
                    Extensions::builder()
                        .add("x-permission", required.clone())
                        .build(),
                );
            }
        }
        let guarded = match &self.app {
            Some(app) => method_router
                .layer::<_, std::convert::Infallible>(middleware::from_fn_with_state(app.clone(), guard))
                .layer(Extension(Operation { name, access })),
            None => method_router,
        };
        self.router = self.router.routes((schemas, paths, guarded));
        self
    }

    pub(crate) fn finish(self) -> (Router<App>, OpenApi) {
        self.router.split_for_parts()
    }
}

async fn guard(
    State(app): State<App>,
    Extension(operation): Extension<Operation>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let change = !matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.uri().path().to_owned();
    let credentials = std::sync::Arc::new(caller::Credentials::of(&request));
    let (caller, response) = match caller::identify(&app, &credentials, operation.name).await {
        Ok(caller) => {
            let response = match permitted(&caller, operation.access) {
                Ok(()) => {
                    request.extensions_mut().insert(caller.clone());
                    request.extensions_mut().insert(credentials.clone());
                    next.run(request).await
                }
                Err(error) => error.into_response(),
            };
            (caller, response)
        }
        Err(refused) => (refused.0, refused.1.into_response()),
    };
    if change && let Some(refused) = response.extensions().get::<Refused>() {
        record_refusal(&app, &caller, &operation, &path, refused).await;
    }
    let labels = RequestLabels {
        operation: operation.name,
        status: response.status().as_u16(),
    };
    app.metrics.requests.get_or_create(&labels).inc();
    app.metrics
        .request_seconds
        .observe(started.elapsed().as_secs_f64());
    response
}

fn permitted(caller: &Caller, access: Access) -> Result<(), Error> {
    match access {
        Access::Public => Ok(()),
        _ if caller.user.is_none() => Err(caller::not_signed_in()),
        Access::SignedIn => Ok(()),
        Access::Permission(permission) if caller.rights.allow_somewhere(permission) => Ok(()),
        Access::Permission(permission) => Err(Error::Forbidden(permission)),
    }
}

/// A refusal changes nothing, so its record is a transaction of its own.
async fn record_refusal(app: &App, caller: &Caller, operation: &Operation, path: &str, refused: &Refused) {
    let mut entry = caller.refused_entry(app.now(), operation.name, object_of(path));
    entry.reason = Some(refused.reason.clone());
    let written = app
        .store
        .write::<_, Error, _>(tx!(tx => Ok(audit::append(tx, vec![entry]).await?)))
        .await;
    if let Err(error) = written {
        tracing::error!(%error, operation = operation.name, "a refusal could not be recorded");
    }
}

/// `/api/v1/jobs/42/cancel` → `job:42`; a path without an id → the collection.
fn object_of(path: &str) -> String {
    let mut parts = path.trim_start_matches("/api/v1/").split('/');
    let collection = parts.next().unwrap_or_default();
    match parts.next().filter(|id| id.parse::<i64>().is_ok()) {
        Some(id) => format!("{}:{id}", collection.strip_suffix('s').unwrap_or(collection)),
        None => collection.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_of_a_path() {
        assert_eq!(object_of("/api/v1/jobs/42/cancel"), "job:42");
        assert_eq!(object_of("/api/v1/agents/7"), "agent:7");
        assert_eq!(object_of("/api/v1/session"), "session");
        assert_eq!(object_of("/api/v1/jobs/none"), "jobs");
    }
}
