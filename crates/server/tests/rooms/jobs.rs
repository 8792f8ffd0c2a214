//! Jobs through HTTP: spec 4.

mod answers;
mod blackouts;
mod creating;
mod executions;
mod late;
mod life;
mod output;
mod queue;
mod retention;
mod rollouts;
mod time;

use postern_api::jobs::{Job, JobCreate, JobDetail};
use postern_domain::{JobId, job::JobState};
use postern_testkit::{TestServer, key, until};

/// Creates the one job of this request.
async fn create(server: &TestServer, request: &JobCreate) -> JobId {
    let made = server.admin().job_create(request, &key()).await.unwrap();
    assert_eq!(made.jobs.len(), 1, "{made:?}");
    made.jobs[0].id
}

async fn show(server: &TestServer, id: JobId) -> JobDetail {
    server.admin().job_show(id).await.unwrap()
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
