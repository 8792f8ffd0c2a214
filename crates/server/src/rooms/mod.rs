//! The rooms of the product. Each is entered by its `mod.rs`; SQL stays in `store`, rules in `domain`.

pub(crate) mod agents;
pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod identity;
pub(crate) mod jobs;
pub(crate) mod notify;
pub(crate) mod schedules;
pub(crate) mod scripts;
pub(crate) mod system;
pub(crate) mod workflows;

use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::{app::App, http::Routes};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Postern",
        description = "Control plane for networks that cannot be reached from outside.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&Security),
    security(("token" = []), ("session" = [])),
    components(schemas(postern_api::Problem, postern_api::jobs::OutputEvent))
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme(
            "token",
            SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Bearer)
                    .bearer_format("pst_…")
                    .build(),
            ),
        );
        components.add_security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(
                crate::http::caller::SESSION_COOKIE,
            ))),
        );
    }
}

/// Every operation of the REST API.
pub(crate) fn routes(app: Option<App>) -> Routes {
    let routes = Routes::new(app, Document::openapi());
    let routes = identity::routes::add(routes);
    let routes = agents::routes::add(routes);
    let routes = jobs::routes::add(routes);
    let routes = scripts::routes::add(routes);
    let routes = scripts::actions::routes::add(routes);
    let routes = schedules::routes::add(routes);
    let routes = workflows::routes::add(routes);
    let routes = approvals::routes::add(routes);
    let routes = notify::routes::add(routes);
    audit::routes::add(routes)
}
