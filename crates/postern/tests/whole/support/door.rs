//! The API through the typed client, for tests that are not async.

use std::{
    collections::BTreeMap,
    fs,
    future::Future,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use postern_api::{
    ListRequest,
    agents::{Agent as AgentRow, AgentCreate, AgentEnrollment},
    audit::AuditRecord,
    identity::{SessionCreate, TokenCreate},
    jobs::{Job, JobCreate, JobDetail, JobReference},
    targets::Targets,
};
use postern_client::{Client, Credentials, Error, IdempotencyKey, Secret, Trust};
use postern_domain::{JobId, job::JobState};
use postern_protocol::payload::{self, JobPayload, Language, Script};
use tokio::runtime::Runtime;

use super::{
    LIMIT,
    agent::Agent,
    pause,
    server::{ADMIN_PASSWORD, Server},
    wait_for, wait_within,
};

const MANY: usize = 100_000;

/// An administrator with an API token. Goes on asking while a server is down.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    runtime: Arc<Runtime>,
    pub(crate) client: Client,
    pub(crate) ca: PathBuf,
    token: String,
}

impl Door {
    /// By the server's own address.
    pub(crate) fn open(server: &Server) -> Self {
        Self::open_at(&server.url(), &server.ca_path())
    }

    pub(crate) fn open_at(url: &str, ca: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let trust = Trust::Ca(fs::read_to_string(ca).unwrap());
        let stranger = Client::new(url, &Credentials::None, &trust).unwrap();
        let sign_in = SessionCreate {
            username: "admin".into(),
            password: ADMIN_PASSWORD.into(),
        };
        let (client, token) = runtime.block_on(async {
            let session = stranger.session_create(&sign_in).await.unwrap();
            let person = stranger.with_credentials(&session.credentials).unwrap();
            let request: TokenCreate = serde_json::from_value(serde_json::json!({"name": "tests"})).unwrap();
            let token = person
                .token_create(&request, &IdempotencyKey::random())
                .await
                .unwrap();
            let credentials = Credentials::Token(Secret::new(token.secret.clone()));
            (stranger.with_credentials(&credentials).unwrap(), token.secret)
        });
        Self {
            runtime: Arc::new(runtime),
            client,
            ca: ca.to_owned(),
            token,
        }
    }

    /// What the server sends for a path, byte for byte and to its end: the typed client takes answers apart.
    pub(crate) fn wire(&self, path: &str) -> Vec<u8> {
        const CODE: &str = "import ssl,sys,urllib.request as u\n\
             context = ssl.create_default_context(cafile=sys.argv[1])\n\
             headers = {'Authorization': 'Bearer ' + sys.argv[3]}\n\
             answer = u.urlopen(u.Request(sys.argv[2], headers=headers), context=context, timeout=60)\n\
             sys.stdout.buffer.write(answer.read())";
        let url = self.client.base_url().join(path).unwrap();
        let output = Command::new("python3")
            .args(["-c", CODE])
            .arg(&self.ca)
            .args([url.as_str(), &self.token])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "GET {path}: {said}");
        output.stdout
    }

    /// Once, whatever comes of it.
    pub(crate) fn once<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.runtime.block_on(call)
    }

    /// Again while nobody answers.
    pub(crate) fn ask<T, F>(&self, what: &str, mut call: impl FnMut(Client) -> F) -> T
    where
        F: Future<Output = Result<T, Error>>,
    {
        let begin = Instant::now();
        loop {
            match self.once(call(self.client.clone())) {
                Ok(answer) => return answer,
                Err(error) if error.is_transient() && begin.elapsed() < LIMIT => pause(),
                Err(error) => panic!("{what}, after {:?}: {error}", begin.elapsed()),
            }
        }
    }

    pub(crate) fn agent_create(&self, name: &str) -> AgentEnrollment {
        self.agent_create_labelled(name, &serde_json::json!({}))
    }

    pub(crate) fn agent_create_labelled(&self, name: &str, labels: &serde_json::Value) -> AgentEnrollment {
        let key = IdempotencyKey::random();
        let request = serde_json::json!({ "name": name, "labels": labels });
        let request: AgentCreate = serde_json::from_value(request).unwrap();
        let (key, request) = (&key, &request);
        self.ask("agent_create", |client| async move {
            client.agent_create(request, key).await
        })
    }

    /// An agent that has joined.
    pub(crate) fn agent(&self, home: &Path, name: &str, server: &str) -> Agent {
        let enrollment = self.agent_create(name);
        let agent = Agent::new(home, name, server, &enrollment.enrollment_token);
        agent.start();
        wait_for(&format!("{name} to join"), || {
            assert!(agent.is_running(), "{}", agent.log_text());
            agent.data.join("identity.json").exists().then_some(())
        });
        agent
    }

    pub(crate) fn agent_row(&self, name: &str) -> AgentRow {
        let request = ListRequest::default();
        let all = self.ask("agent_list", |client| {
            let request = request.clone();
            async move { client.agent_list_all(&request, MANY).await }
        });
        let found = all.items.into_iter().find(|agent| agent.name == name);
        found.unwrap_or_else(|| panic!("no agent {name}"))
    }

    pub(crate) fn run(&self, request: &JobCreate) -> JobReference {
        let jobs = self.run_all(request);
        jobs.into_iter().next().expect("one job for one agent")
    }

    pub(crate) fn run_all(&self, request: &JobCreate) -> Vec<JobReference> {
        let key = IdempotencyKey::random();
        let key = &key;
        let created = self.ask("job_create", |client| async move {
            client.job_create(request, key).await
        });
        created.jobs
    }

    pub(crate) fn job(&self, id: JobId) -> JobDetail {
        self.ask("job_show", |client| async move { client.job_show(id).await })
    }

    pub(crate) fn wait_for_state(&self, id: JobId, state: JobState) -> JobDetail {
        wait_for(&format!("job {id} to be {state}"), || {
            let detail = self.job(id);
            let now = detail.job.state;
            assert!(
                now == state || !now.is_final(),
                "job {id} is {now}, not {state}: {:?}",
                detail.job.reason
            );
            (now == state).then_some(detail)
        })
    }

    pub(crate) fn wait_for_end(&self, id: JobId, within: Duration) -> JobDetail {
        wait_within(within, &format!("job {id} to end"), || {
            let detail = self.job(id);
            detail.job.state.is_final().then_some(detail)
        })
    }

    /// Runs it to its end.
    pub(crate) fn run_to_end(&self, request: &JobCreate) -> JobDetail {
        let job = self.run(request);
        self.wait_for_end(job.id, LIMIT)
    }

    /// Jobs in any of these states.
    pub(crate) fn jobs_in(&self, states: &str) -> Vec<Job> {
        let request = ListRequest {
            filter: vec![("state".into(), states.into())],
            ..ListRequest::default()
        };
        let page = self.ask("job_list", |client| {
            let request = request.clone();
            async move { client.job_list_all(&request, MANY).await }
        });
        page.items
    }

    pub(crate) fn audit_of(&self, action: &str) -> Vec<AuditRecord> {
        let request = ListRequest {
            filter: vec![("action".into(), action.into())],
            ..ListRequest::default()
        };
        let page = self.ask("audit_list", |client| {
            let request = request.clone();
            async move { client.audit_list_all(&request, MANY).await }
        });
        page.items
    }

    /// The whole trail fits together.
    #[track_caller]
    pub(crate) fn assert_audit_is_intact(&self) {
        let verification = self.ask(
            "audit_verify",
            |client| async move { client.audit_verify().await },
        );
        assert!(
            verification.intact && verification.checked > 0,
            "{verification:?}"
        );
    }
}

fn job(work: JobPayload, agents: &[&str]) -> JobCreate {
    let targets = Targets {
        agents: agents.iter().map(|name| (*name).to_owned()).collect(),
        ..Targets::default()
    };
    JobCreate::new(work, targets)
}

pub(crate) fn script(content: &str, parameters: &[(&str, &str)], agents: &[&str]) -> JobCreate {
    let parameters: BTreeMap<String, String> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let script = Script {
        parameters: parameters.into_iter().collect(),
        ..Script::new(Language::Bash, content)
    };
    job(JobPayload::Script(script), agents)
}

pub(crate) fn shell(line: &str, agent: &str) -> JobCreate {
    let command = payload::Command {
        argv: vec![line.to_owned()],
        shell: true,
        ..Default::default()
    };
    job(JobPayload::Command(command), &[agent])
}
