use postern_api::{
    ListRequest, Page,
    workflows::{
        Instance, InstanceAgain, InstanceCancel, InstanceCreate, InstanceDetail, InstanceEvent, Workflow,
        WorkflowCheck, WorkflowChecked, WorkflowClone, WorkflowCreate, WorkflowDetail, WorkflowPublish,
        WorkflowRestore, WorkflowTemplates, WorkflowUpdate, WorkflowVersion,
    },
};
use postern_domain::{InstanceId, WorkflowId};
use reqwest::{Method, header::ACCEPT};

use super::segments;
use crate::{Client, Error, IdempotencyKey, InstanceWatch, paging};

impl Client {
    pub async fn workflow_list(&self, request: &ListRequest) -> Result<Page<Workflow>, Error> {
        self.call(Method::GET, segments!["workflows"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn workflow_list_all(
        &self,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<Workflow>, Error> {
        paging::collect(
            request,
            limit,
            |page| async move { self.workflow_list(&page).await },
        )
        .await
    }

    pub async fn workflow_create(
        &self,
        request: &WorkflowCreate,
        key: &IdempotencyKey,
    ) -> Result<WorkflowDetail, Error> {
        self.call(Method::POST, segments!["workflows"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    /// Nothing is saved.
    pub async fn workflow_check(&self, request: &WorkflowCheck) -> Result<WorkflowChecked, Error> {
        self.call(Method::POST, segments!["workflow-checks"])
            .body(request)
            .json()
            .await
    }

    /// The JSON Schema of workflows, as the server reads them.
    pub async fn workflow_schema(&self) -> Result<serde_json::Value, Error> {
        self.call(Method::GET, segments!["workflow-schema"]).json().await
    }

    pub async fn workflow_show(&self, id: WorkflowId) -> Result<WorkflowDetail, Error> {
        self.call(Method::GET, segments!["workflows", id]).json().await
    }

    pub async fn workflow_update(
        &self,
        id: WorkflowId,
        request: &WorkflowUpdate,
    ) -> Result<WorkflowDetail, Error> {
        self.call(Method::PATCH, segments!["workflows", id])
            .body(request)
            .json()
            .await
    }

    pub async fn workflow_delete(&self, id: WorkflowId) -> Result<(), Error> {
        self.call(Method::DELETE, segments!["workflows", id])
            .nothing()
            .await
    }

    pub async fn workflow_clone(
        &self,
        id: WorkflowId,
        request: &WorkflowClone,
        key: &IdempotencyKey,
    ) -> Result<WorkflowDetail, Error> {
        self.call(Method::POST, segments!["workflows", id, "clone"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn workflow_publish(
        &self,
        id: WorkflowId,
        request: &WorkflowPublish,
        key: &IdempotencyKey,
    ) -> Result<WorkflowDetail, Error> {
        self.call(Method::POST, segments!["workflows", id, "publish"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn workflow_restore(
        &self,
        id: WorkflowId,
        request: &WorkflowRestore,
    ) -> Result<WorkflowDetail, Error> {
        self.call(Method::POST, segments!["workflows", id, "restore"])
            .body(request)
            .json()
            .await
    }

    pub async fn workflow_version_list(
        &self,
        id: WorkflowId,
        request: &ListRequest,
    ) -> Result<Page<WorkflowVersion>, Error> {
        self.call(Method::GET, segments!["workflows", id, "versions"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn workflow_version_list_all(
        &self,
        id: WorkflowId,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<WorkflowVersion>, Error> {
        paging::collect(request, limit, |page| async move {
            self.workflow_version_list(id, &page).await
        })
        .await
    }

    pub async fn workflow_version_show(
        &self,
        id: WorkflowId,
        version: u32,
    ) -> Result<WorkflowVersion, Error> {
        self.call(Method::GET, segments!["workflows", id, "versions", version])
            .json()
            .await
    }

    pub async fn instance_create(
        &self,
        id: WorkflowId,
        request: &InstanceCreate,
        key: &IdempotencyKey,
    ) -> Result<Instance, Error> {
        self.call(Method::POST, segments!["workflows", id, "instances"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn instance_list(&self, request: &ListRequest) -> Result<Page<Instance>, Error> {
        self.call(Method::GET, segments!["instances"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn instance_list_all(
        &self,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<Instance>, Error> {
        paging::collect(
            request,
            limit,
            |page| async move { self.instance_list(&page).await },
        )
        .await
    }

    pub async fn instance_show(&self, id: InstanceId) -> Result<InstanceDetail, Error> {
        self.call(Method::GET, segments!["instances", id]).json().await
    }

    pub async fn instance_watch(&self, id: InstanceId) -> Result<InstanceWatch, Error> {
        let call = self
            .call(Method::GET, segments!["instances", id, "watch"])
            .header(ACCEPT, "text/event-stream");
        let response = call.open().await?;
        Ok(InstanceWatch::new(call.into_url(), response))
    }

    pub async fn instance_event_list(
        &self,
        id: InstanceId,
        request: &ListRequest,
    ) -> Result<Page<InstanceEvent>, Error> {
        self.call(Method::GET, segments!["instances", id, "events"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn instance_event_list_all(
        &self,
        id: InstanceId,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<InstanceEvent>, Error> {
        paging::collect(request, limit, |page| async move {
            self.instance_event_list(id, &page).await
        })
        .await
    }

    pub async fn workflow_template_list(&self) -> Result<WorkflowTemplates, Error> {
        self.call(Method::GET, segments!["workflow-templates"])
            .json()
            .await
    }

    pub async fn instance_retry(
        &self,
        id: InstanceId,
        request: &InstanceAgain,
        key: &IdempotencyKey,
    ) -> Result<Instance, Error> {
        self.call(Method::POST, segments!["instances", id, "retry"])
            .key(key)
            .body(request)
            .json()
            .await
    }

    pub async fn instance_rerun(
        &self,
        id: InstanceId,
        request: &InstanceAgain,
        key: &IdempotencyKey,
    ) -> Result<Instance, Error> {
        self.call(Method::POST, segments!["instances", id, "rerun"])
            .key(key)
            .body(request)
            .json()
            .await
    }

    pub async fn instance_cancel(&self, id: InstanceId, request: &InstanceCancel) -> Result<Instance, Error> {
        self.call(Method::POST, segments!["instances", id, "cancel"])
            .body(request)
            .json()
            .await
    }
}
