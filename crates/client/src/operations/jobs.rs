use postern_api::{
    ListRequest, Page,
    executions::{ArchiveFormat, Execution, ExecutionChanged, ExecutionRerun},
    jobs::{Job, JobCreate, JobDetail, JobOutput, JobPreview, JobsCreated, StreamName},
    targets::{TargetPreview, Targets},
};
use postern_domain::{ExecutionId, JobId};
use reqwest::{Method, header::ACCEPT};

use super::segments;
use crate::{Client, Download, Error, IdempotencyKey, JobEvents, paging};

/// The kept bytes of one stream, as the job wrote them.
pub type Output = Vec<u8>;

impl Client {
    pub async fn job_list(&self, request: &ListRequest) -> Result<Page<Job>, Error> {
        self.call(Method::GET, segments!["jobs"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn job_list_all(&self, request: &ListRequest, limit: usize) -> Result<Page<Job>, Error> {
        paging::collect(request, limit, |page| async move { self.job_list(&page).await }).await
    }

    pub async fn job_create(&self, request: &JobCreate, key: &IdempotencyKey) -> Result<JobsCreated, Error> {
        self.call(Method::POST, segments!["jobs"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn job_preview(&self, request: &JobCreate) -> Result<JobPreview, Error> {
        self.call(Method::POST, segments!["jobs", "preview"])
            .body(request)
            .json()
            .await
    }

    pub async fn target_preview(&self, request: &Targets) -> Result<TargetPreview, Error> {
        self.call(Method::POST, segments!["targets", "preview"])
            .body(request)
            .json()
            .await
    }

    pub async fn execution_list(&self, request: &ListRequest) -> Result<Page<Execution>, Error> {
        self.call(Method::GET, segments!["executions"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn execution_list_all(
        &self,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<Execution>, Error> {
        paging::collect(
            request,
            limit,
            |page| async move { self.execution_list(&page).await },
        )
        .await
    }

    pub async fn execution_show(&self, id: ExecutionId) -> Result<Execution, Error> {
        self.call(Method::GET, segments!["executions", id]).json().await
    }

    pub async fn execution_cancel(&self, id: ExecutionId) -> Result<ExecutionChanged, Error> {
        self.call(Method::POST, segments!["executions", id, "cancel"])
            .json()
            .await
    }

    pub async fn execution_retry(&self, id: ExecutionId) -> Result<ExecutionChanged, Error> {
        self.call(Method::POST, segments!["executions", id, "retry"])
            .json()
            .await
    }

    pub async fn execution_rerun(
        &self,
        id: ExecutionId,
        request: &ExecutionRerun,
        key: &IdempotencyKey,
    ) -> Result<JobsCreated, Error> {
        self.call(Method::POST, segments!["executions", id, "rerun"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    /// All jobs with their output as one file, however large.
    pub async fn execution_download(
        &self,
        id: ExecutionId,
        format: ArchiveFormat,
    ) -> Result<Download, Error> {
        let format = match format {
            ArchiveFormat::Zip => "zip",
            ArchiveFormat::Json => "json",
        };
        self.call(Method::GET, segments!["executions", id, "download", format])
            .download()
            .await
    }

    pub async fn job_show(&self, id: JobId) -> Result<JobDetail, Error> {
        self.call(Method::GET, segments!["jobs", id]).json().await
    }

    pub async fn job_delete(&self, id: JobId) -> Result<(), Error> {
        self.call(Method::DELETE, segments!["jobs", id]).nothing().await
    }

    pub async fn job_cancel(&self, id: JobId) -> Result<Job, Error> {
        self.call(Method::POST, segments!["jobs", id, "cancel"])
            .json()
            .await
    }

    pub async fn job_retry(&self, id: JobId) -> Result<Job, Error> {
        self.call(Method::POST, segments!["jobs", id, "retry"])
            .json()
            .await
    }

    /// The current attempt's output when `attempt` is `None`.
    pub async fn job_output(&self, id: JobId, attempt: Option<u32>) -> Result<JobOutput, Error> {
        self.call(Method::GET, segments!["jobs", id, "output"])
            .query(attempt.map(|number| ("attempt", number.to_string())))
            .json()
            .await
    }

    pub async fn job_output_download(
        &self,
        id: JobId,
        stream: StreamName,
        attempt: Option<u32>,
    ) -> Result<Output, Error> {
        let stream = match stream {
            StreamName::Stdout => "stdout",
            StreamName::Stderr => "stderr",
        };
        let call = self
            .call(Method::GET, segments!["jobs", id, "output", stream])
            .query(attempt.map(|number| ("attempt", number.to_string())));
        Ok(call.bytes().await?.1)
    }

    /// State and output as they come; what is already there comes first. Connecting again is the caller's.
    pub async fn job_events(&self, id: JobId) -> Result<JobEvents, Error> {
        let call = self
            .call(Method::GET, segments!["jobs", id, "events"])
            .header(ACCEPT, "text/event-stream");
        let response = call.open().await?;
        Ok(JobEvents::new(call.into_url(), response))
    }
}
