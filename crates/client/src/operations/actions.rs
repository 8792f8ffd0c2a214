use postern_api::{
    ListRequest, Page,
    actions::{
        Action, ActionClone, ActionCreate, ActionDeploy, ActionDetail, ActionRestore, ActionRun,
        ActionUpdate, ActionVersion,
    },
    jobs::{JobPreview, JobsCreated},
};
use postern_domain::ActionId;
use reqwest::Method;

use super::segments;
use crate::{Client, Error, IdempotencyKey, paging};

impl Client {
    pub async fn action_list(&self, request: &ListRequest) -> Result<Page<Action>, Error> {
        self.call(Method::GET, segments!["actions"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn action_list_all(&self, request: &ListRequest, limit: usize) -> Result<Page<Action>, Error> {
        paging::collect(
            request,
            limit,
            |page| async move { self.action_list(&page).await },
        )
        .await
    }

    pub async fn action_create(
        &self,
        request: &ActionCreate,
        key: &IdempotencyKey,
    ) -> Result<ActionDetail, Error> {
        self.call(Method::POST, segments!["actions"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn action_show(&self, id: ActionId) -> Result<ActionDetail, Error> {
        self.call(Method::GET, segments!["actions", id]).json().await
    }

    pub async fn action_update(&self, id: ActionId, request: &ActionUpdate) -> Result<ActionDetail, Error> {
        self.call(Method::PATCH, segments!["actions", id])
            .body(request)
            .json()
            .await
    }

    pub async fn action_delete(&self, id: ActionId) -> Result<(), Error> {
        self.call(Method::DELETE, segments!["actions", id])
            .nothing()
            .await
    }

    pub async fn action_clone(
        &self,
        id: ActionId,
        request: &ActionClone,
        key: &IdempotencyKey,
    ) -> Result<ActionDetail, Error> {
        self.call(Method::POST, segments!["actions", id, "clone"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn action_deploy(
        &self,
        id: ActionId,
        request: &ActionDeploy,
        key: &IdempotencyKey,
    ) -> Result<ActionDetail, Error> {
        self.call(Method::POST, segments!["actions", id, "deploy"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn action_restore(&self, id: ActionId, request: &ActionRestore) -> Result<ActionDetail, Error> {
        self.call(Method::POST, segments!["actions", id, "restore"])
            .body(request)
            .json()
            .await
    }

    pub async fn action_version_list(
        &self,
        id: ActionId,
        request: &ListRequest,
    ) -> Result<Page<ActionVersion>, Error> {
        self.call(Method::GET, segments!["actions", id, "versions"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn action_version_list_all(
        &self,
        id: ActionId,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<ActionVersion>, Error> {
        paging::collect(request, limit, |page| async move {
            self.action_version_list(id, &page).await
        })
        .await
    }

    pub async fn action_version_show(&self, id: ActionId, version: u32) -> Result<ActionVersion, Error> {
        self.call(Method::GET, segments!["actions", id, "versions", version])
            .json()
            .await
    }

    pub async fn action_run(
        &self,
        id: ActionId,
        request: &ActionRun,
        key: &IdempotencyKey,
    ) -> Result<JobsCreated, Error> {
        self.call(Method::POST, segments!["actions", id, "run"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn action_preview(&self, id: ActionId, request: &ActionRun) -> Result<JobPreview, Error> {
        self.call(Method::POST, segments!["actions", id, "preview"])
            .body(request)
            .json()
            .await
    }
}
