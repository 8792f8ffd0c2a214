//! Jobs through HTTP: spec 4.

mod answers;
mod blackouts;
mod creating;
mod executions;
mod late;
mod life;
mod output;
mod queue;
mod results;
mod retention;
mod rollouts;
mod secrets;
mod time;

use postern_api::{
    executions::ArchiveFormat,
    jobs::{Job, JobCreate, JobDetail},
};
use postern_domain::{
    ExecutionId, JobId,
    job::{JobState, WaitReason},
};
use postern_testkit::{SimAgent, TestServer, key, until};

async fn agents<const N: usize>(server: &TestServer, names: [&str; N]) -> [SimAgent; N] {
    let mut made = Vec::new();
    for name in names {
        made.push(server.agent(name).await);
    }
    made.try_into().unwrap_or_else(|_| unreachable!())
}

/// Creates the one job of this request.
async fn create(server: &TestServer, request: &JobCreate) -> JobId {
    let made = server.admin().job_create(request, &key()).await.unwrap();
    assert_eq!(made.jobs.len(), 1, "{made:?}");
    made.jobs[0].id
}

async fn show(server: &TestServer, id: JobId) -> JobDetail {
    server.admin().job_show(id).await.unwrap()
}

/// All of an execution as one file.
async fn downloaded(server: &TestServer, id: ExecutionId, format: ArchiveFormat) -> Vec<u8> {
    let mut download = server.admin().execution_download(id, format).await.unwrap();
    let mut whole = Vec::new();
    while let Some(piece) = download.next().await.unwrap() {
        whole.extend_from_slice(&piece);
    }
    whole
}

async fn state(server: &TestServer, id: JobId) -> JobState {
    show(server, id).await.job.state
}

async fn until_state(server: &TestServer, id: JobId, wanted: JobState) -> Job {
    until(&format!("job {id} is {wanted}"), || async {
        let job = show(server, id).await.job;
        (job.state == wanted).then_some(job)
    })
    .await
}

async fn waits(server: &TestServer, id: JobId) -> Option<WaitReason> {
    show(server, id).await.job.waits.map(|wait| wait.reason)
}
