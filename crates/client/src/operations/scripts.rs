use postern_api::{
    ListRequest, Page,
    jobs::{JobPreview, JobsCreated},
    scripts::{
        SavedScript, ScriptCheck, ScriptClone, ScriptCreate, ScriptDetail, ScriptProblems, ScriptRestore,
        ScriptRun, ScriptUpdate, ScriptVersion, ScriptVersionLine,
    },
};
use postern_domain::ScriptId;
use reqwest::Method;

use super::segments;
use crate::{Client, Error, IdempotencyKey, paging};

impl Client {
    pub async fn script_list(&self, request: &ListRequest) -> Result<Page<SavedScript>, Error> {
        self.call(Method::GET, segments!["scripts"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn script_list_all(
        &self,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<SavedScript>, Error> {
        paging::collect(
            request,
            limit,
            |page| async move { self.script_list(&page).await },
        )
        .await
    }

    pub async fn script_create(
        &self,
        request: &ScriptCreate,
        key: &IdempotencyKey,
    ) -> Result<ScriptDetail, Error> {
        self.call(Method::POST, segments!["scripts"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn script_check(&self, request: &ScriptCheck) -> Result<ScriptProblems, Error> {
        self.call(Method::POST, segments!["scripts", "check"])
            .body(request)
            .json()
            .await
    }

    pub async fn script_show(&self, id: ScriptId) -> Result<ScriptDetail, Error> {
        self.call(Method::GET, segments!["scripts", id]).json().await
    }

    pub async fn script_update(&self, id: ScriptId, request: &ScriptUpdate) -> Result<ScriptDetail, Error> {
        self.call(Method::PATCH, segments!["scripts", id])
            .body(request)
            .json()
            .await
    }

    pub async fn script_delete(&self, id: ScriptId) -> Result<(), Error> {
        self.call(Method::DELETE, segments!["scripts", id])
            .nothing()
            .await
    }

    pub async fn script_clone(
        &self,
        id: ScriptId,
        request: &ScriptClone,
        key: &IdempotencyKey,
    ) -> Result<ScriptDetail, Error> {
        self.call(Method::POST, segments!["scripts", id, "clone"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn script_restore(&self, id: ScriptId, request: &ScriptRestore) -> Result<ScriptDetail, Error> {
        self.call(Method::POST, segments!["scripts", id, "restore"])
            .body(request)
            .json()
            .await
    }

    pub async fn script_version_list(
        &self,
        id: ScriptId,
        request: &ListRequest,
    ) -> Result<Page<ScriptVersionLine>, Error> {
        self.call(Method::GET, segments!["scripts", id, "versions"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn script_version_list_all(
        &self,
        id: ScriptId,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<ScriptVersionLine>, Error> {
        paging::collect(request, limit, |page| async move {
            self.script_version_list(id, &page).await
        })
        .await
    }

    pub async fn script_version_show(&self, id: ScriptId, version: u32) -> Result<ScriptVersion, Error> {
        self.call(Method::GET, segments!["scripts", id, "versions", version])
            .json()
            .await
    }

    pub async fn script_run(
        &self,
        id: ScriptId,
        request: &ScriptRun,
        key: &IdempotencyKey,
    ) -> Result<JobsCreated, Error> {
        self.call(Method::POST, segments!["scripts", id, "run"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn script_preview(&self, id: ScriptId, request: &ScriptRun) -> Result<JobPreview, Error> {
        self.call(Method::POST, segments!["scripts", id, "preview"])
            .body(request)
            .json()
            .await
    }
}
