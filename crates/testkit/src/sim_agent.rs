//! An agent that speaks the real protocol and keeps its journal in memory. It is honest unless told otherwise.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use postern_api::agents::{Agent, AgentCreate};
use postern_client::IdempotencyKey;
use postern_domain::AgentId;
use postern_protocol::{
    PROTOCOL_VERSION,
    enrollment::EnrollmentToken,
    keys::{PublicKey, SigningKey},
    messages::{
        CheckinAnswer, CheckinRequest, Chunk, EnrollAnswer, EnrollRequest, HeldAttempt, HostFacts, Outcome,
        OutputAnswer, OutputRequest, Phase, RenewAnswer, ResultAnswer, ResultRequest, Stream,
    },
    order::Order,
    path, proof,
    seal::{SealingKey, Secrets},
};
use postern_server::clock::Clock as _;
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Answer, FakeClock, TestServer, Wire};

/// How the server said no.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    pub detail: String,
    pub server_time_us: Option<i64>,
}

/// Clones are handles to the same agent; [`SimAgent::copied_disk`] is another machine.
#[derive(Debug, Clone)]
pub struct SimAgent(Arc<State>);

#[derive(Debug)]
struct State {
    id: AgentId,
    name: String,
    key: SigningKey,
    sealing: Arc<SealingKey>,
    order_key: PublicKey,
    credential: Mutex<String>,
    number: AtomicU64,
    held: Mutex<BTreeMap<i64, HeldAttempt>>,
    highest_fence: Mutex<i64>,
    wire: Wire,
    clock: Arc<FakeClock>,
}

/// An attempt nobody knows: the server acknowledges it at once, so that a check-in does not wait.
const NO_ATTEMPT: i64 = i64::MAX;
const SLOTS: u32 = 4;

impl TestServer {
    /// An agent made by the administrator, not yet enrolled, and its token.
    pub async fn new_agent(&self, name: &str) -> (Agent, String) {
        let request = AgentCreate {
            name: name.to_owned(),
            organization_id: None,
            department_id: None,
            labels: BTreeMap::new(),
        };
        let made = self
            .admin()
            .agent_create(&request, &IdempotencyKey::random())
            .await
            .expect("an agent");
        (made.agent, made.enrollment_token)
    }

    /// An agent that has joined and was heard of.
    pub async fn agent(&self, name: &str) -> SimAgent {
        let (_, token) = self.new_agent(name).await;
        let agent = SimAgent::enroll(self, &token)
            .await
            .expect("a fresh token is taken");
        agent.beat().await.expect("the first check-in is taken");
        agent
    }

    /// As [`TestServer::agent`], for one that another made.
    pub async fn join(&self, token: &str) -> SimAgent {
        SimAgent::enroll(self, token)
            .await
            .expect("a fresh token is taken")
    }

    /// Waits until what this agent said last is in the database: heartbeats are written in batches.
    pub async fn heard(&self, agent: &SimAgent) -> Agent {
        let (admin, now) = (self.admin(), self.clock.now());
        crate::until("the heartbeat is written", || async {
            let found = admin.agent_show(agent.id()).await.expect("the agent is there");
            (found.last_seen_at == Some(now)).then_some(found)
        })
        .await
    }
}

pub fn facts() -> HostFacts {
    HostFacts {
        agent_version: "0.1.0".into(),
        hostname: "sim.example".into(),
        os: "Debian GNU/Linux 13".into(),
        arch: "x86_64".into(),
        languages: vec!["bash".into(), "python".into()],
        root: true,
        slots: SLOTS,
        sealing_key: None,
    }
}

impl SimAgent {
    /// Joins with a fresh key.
    pub async fn enroll(server: &TestServer, token: &str) -> Result<Self, Refusal> {
        Self::enroll_with(server, token, SigningKey::generate().expect("a key")).await
    }

    pub async fn enroll_with(server: &TestServer, token: &str, key: SigningKey) -> Result<Self, Refusal> {
        let sealing = Arc::new(SealingKey::generate().expect("a key"));
        let request = EnrollRequest {
            protocol: PROTOCOL_VERSION,
            token: token.to_owned(),
            facts: HostFacts {
                sealing_key: Some(sealing.public()),
                ..facts()
            },
        };
        let body = serde_json::to_vec(&request).expect("a message");
        let answer: EnrollAnswer = read(&Self::enroll_raw(server, &key, body).await)?;
        let token: EnrollmentToken = token.parse().expect("the server took it");
        assert_ne!(token.id, 0);
        Ok(Self(Arc::new(State {
            id: AgentId(answer.agent_id),
            name: answer.agent_name,
            key,
            sealing,
            order_key: PublicKey::parse(&answer.order_key).expect("a key"),
            credential: Mutex::new(answer.credential),
            number: AtomicU64::new(0),
            held: Mutex::default(),
            highest_fence: Mutex::new(0),
            wire: server.wire().clone(),
            clock: server.clock.clone(),
        })))
    }

    /// Any body, with a good proof of the key.
    pub async fn enroll_raw(server: &TestServer, key: &SigningKey, body: Vec<u8>) -> Answer {
        let now = server.clock.now().as_seconds();
        let about = proof::Request {
            method: "POST",
            path: path::ENROLL,
            credential: None,
        };
        let proof = proof::make(key, server.wire().url(), about, fresh(), now).expect("a proof");
        let request = server
            .wire()
            .request(Method::POST, path::ENROLL)
            .header(proof::HEADER, proof);
        Answer::of(request.body(body)).await
    }

    pub fn id(&self) -> AgentId {
        self.0.id
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub fn key(&self) -> SigningKey {
        SigningKey::from_pkcs8(self.0.key.as_pkcs8()).expect("it is one")
    }

    pub fn credential(&self) -> String {
        lock(&self.0.credential).clone()
    }

    pub fn last_number(&self) -> u64 {
        self.0.number.load(Ordering::SeqCst)
    }

    pub fn highest_fence(&self) -> i64 {
        *lock(&self.0.highest_fence)
    }

    /// The same key, credential and numbers on a second machine.
    pub fn copied_disk(&self) -> Self {
        Self(Arc::new(State {
            id: self.0.id,
            name: self.0.name.clone(),
            key: self.key(),
            sealing: self.0.sealing.clone(),
            order_key: self.0.order_key.clone(),
            credential: Mutex::new(self.credential()),
            number: AtomicU64::new(self.last_number()),
            held: Mutex::new(lock(&self.0.held).clone()),
            highest_fence: Mutex::new(self.highest_fence()),
            wire: self.0.wire.clone(),
            clock: self.0.clock.clone(),
        }))
    }

    /// Ends and begins again: what it holds is in its journal, and its numbers go on behind the block it had reserved.
    pub fn restart(&self) {
        const BLOCK: u64 = 1000;
        let next = |number: u64| Some(number.next_multiple_of(BLOCK));
        let _ = self
            .0
            .number
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
    }

    // ---- check-ins

    /// A check-in as the agent would send it now, with the next number.
    pub fn checkin_request(&self) -> CheckinRequest {
        CheckinRequest {
            protocol: PROTOCOL_VERSION,
            number: self.0.number.fetch_add(1, Ordering::SeqCst) + 1,
            held: lock(&self.0.held).values().copied().collect(),
            slots: SLOTS,
            facts: None,
        }
    }

    /// The long poll: waits as long as the server has nothing to say.
    pub async fn poll(&self) -> Result<CheckinAnswer, Refusal> {
        self.send_checkin(&self.checkin_request()).await
    }

    /// A check-in that is answered at once: it also asks for the acknowledgement of an attempt nobody knows.
    pub async fn beat(&self) -> Result<CheckinAnswer, Refusal> {
        self.send_checkin(&self.hasty()).await
    }

    /// As [`SimAgent::beat`], and the answer is lost on its way.
    pub async fn beat_unheard(&self) {
        let request = self.hasty();
        let lost: Result<CheckinAnswer, Refusal> = self.post(path::CHECKIN, &request).await;
        lost.expect("the server answered");
    }

    /// A check-in that the server answers at once.
    pub fn hasty(&self) -> CheckinRequest {
        let mut request = self.checkin_request();
        request.held.push(HeldAttempt {
            attempt_id: NO_ATTEMPT,
            phase: Phase::Finished,
            started_us: None,
        });
        request
    }

    pub async fn send_checkin(&self, request: &CheckinRequest) -> Result<CheckinAnswer, Refusal> {
        let mut answer: CheckinAnswer = self.post(path::CHECKIN, request).await?;
        answer.acknowledged.retain(|id| *id != NO_ATTEMPT);
        let mut held = lock(&self.0.held);
        for id in &answer.acknowledged {
            held.remove(id);
        }
        for signed in &answer.orders {
            let order = signed
                .open(&self.0.order_key, self.0.id.0)
                .expect("an order of this server for this agent");
            let again = held.contains_key(&order.attempt_id);
            let mut highest = lock(&self.0.highest_fence);
            assert!(
                again || order.fence > *highest,
                "fence {} after {highest}",
                order.fence
            );
            *highest = order.fence.max(*highest);
            held.entry(order.attempt_id).or_insert(HeldAttempt {
                attempt_id: order.attempt_id,
                phase: Phase::Accepted,
                started_us: None,
            });
        }
        Ok(answer)
    }

    /// The orders that wait, taken into the journal.
    pub async fn orders(&self) -> Vec<Order> {
        let answer = self.beat().await.expect("the check-in is taken");
        let open = |signed: &postern_protocol::order::SignedOrder| {
            signed
                .open(&self.0.order_key, self.0.id.0)
                .expect("checked before")
        };
        answer.orders.iter().map(open).collect()
    }

    /// The one order that waits. An answer leaves out a job that the server writes at this moment, as when a blackout
    /// ends; an open poll would be woken then.
    pub async fn order(&self) -> Order {
        let asked = || async { Some(self.orders().await).filter(|orders| !orders.is_empty()) };
        let mut orders = crate::until("an order", asked).await;
        assert_eq!(orders.len(), 1, "{orders:?}");
        orders.remove(0)
    }

    /// Opens a long poll in the background; returns once it waits at the server.
    pub async fn open_poll(
        &self,
        server: &TestServer,
    ) -> tokio::task::JoinHandle<Result<CheckinAnswer, Refusal>> {
        let agent = self.clone();
        let poll = tokio::spawn(async move { agent.poll().await });
        crate::until("the poll is open", || async {
            (server.metric("postern_agent_polls").await >= 1.0).then_some(())
        })
        .await;
        poll
    }

    // ---- attempts

    /// The secrets that came with an order.
    pub fn secrets(&self, order: &Order) -> Secrets {
        let sealed = order.secrets.as_ref().expect("an order with secrets");
        let opened = self.0.sealing.open(sealed, self.0.id.0, order.attempt_id);
        opened.expect("sealed for this agent and attempt")
    }

    /// Starts an attempt and says so.
    pub async fn start(&self, order: &Order) -> OutputAnswer {
        self.print(order, &[]).await
    }

    /// Output of a running attempt: stream, offset, bytes.
    pub async fn print(&self, order: &Order, pieces: &[(Stream, u64, &[u8])]) -> OutputAnswer {
        let now = self.0.clock.now().as_micros();
        let started_us = {
            let mut held = lock(&self.0.held);
            let attempt = held.get_mut(&order.attempt_id).expect("an attempt it holds");
            attempt.phase = Phase::Started;
            *attempt.started_us.get_or_insert(now)
        };
        let request = OutputRequest {
            started_us,
            chunks: chunks(pieces),
        };
        self.post(&path::output(order.attempt_id), &request)
            .await
            .expect("output is taken")
    }

    /// Ends an attempt and reports it until acknowledged.
    pub async fn finish(&self, order: &Order, outcome: Outcome) -> ResultAnswer {
        let request = self.result(order, outcome);
        let answer = self
            .post(&path::result(order.attempt_id), &request)
            .await
            .expect("the result is taken");
        lock(&self.0.held).remove(&order.attempt_id);
        answer
    }

    pub async fn exit(&self, order: &Order, code: i32) {
        assert!(self.finish(order, Outcome::Exited { code }).await.known);
    }

    /// Takes the waiting order, starts it and ends it.
    pub async fn run(&self, code: i32) -> Order {
        let order = self.order().await;
        self.start(&order).await;
        self.exit(&order, code).await;
        order
    }

    /// The final report of an attempt; its end is in the journal from here on.
    pub fn result(&self, order: &Order, outcome: Outcome) -> ResultRequest {
        let mut held = lock(&self.0.held);
        let entry = held.entry(order.attempt_id).or_insert(HeldAttempt {
            attempt_id: order.attempt_id,
            phase: Phase::Finished,
            started_us: None,
        });
        entry.phase = Phase::Finished;
        ResultRequest {
            outcome,
            started_us: entry.started_us,
            finished_us: self.0.clock.now().as_micros(),
            duration_us: entry.started_us.map(|_| 1_500_000),
            stream_bytes: BTreeMap::new(),
            chunks: Vec::new(),
            result: None,
            failure: None,
        }
    }

    /// Attempts in the journal.
    pub fn held(&self) -> Vec<i64> {
        lock(&self.0.held).keys().copied().collect()
    }

    /// The host lost its disk, or the agent its journal.
    pub fn lose_journal(&self) {
        lock(&self.0.held).clear();
    }

    pub async fn renew(&self) -> Result<(), Refusal> {
        let answer: RenewAnswer = read(&self.send(path::RENEW, Vec::new()).await)?;
        *lock(&self.0.credential) = answer.credential;
        Ok(())
    }

    // ---- the wire

    pub async fn post<A: DeserializeOwned>(
        &self,
        path: &str,
        message: &impl Serialize,
    ) -> Result<A, Refusal> {
        let body = serde_json::to_vec(message).expect("a message");
        read(&self.send(path, body).await)
    }

    /// Any body, with the right credential and proof.
    pub async fn send(&self, path: &str, body: Vec<u8>) -> Answer {
        let credential = self.credential();
        let proof = self.proof(path, self.0.clock.now().as_seconds());
        self.send_with(path, &credential, &proof, body).await
    }

    /// As [`SimAgent::send`], for a future that outlives its arguments.
    pub async fn send_owned(&self, path: String, body: Vec<u8>) -> Answer {
        self.send(&path, body).await
    }

    pub async fn send_with(&self, path: &str, credential: &str, proof: &str, body: Vec<u8>) -> Answer {
        let request = self
            .0
            .wire
            .request(Method::POST, path)
            .header("authorization", format!("{} {credential}", proof::SCHEME))
            .header(proof::HEADER, proof);
        Answer::of(request.body(body)).await
    }

    /// A proof for a request to this path, made at this time.
    pub fn proof(&self, path: &str, at_seconds: i64) -> String {
        self.proof_by(&self.0.key, path, &self.credential(), at_seconds)
    }

    pub fn proof_by(&self, key: &SigningKey, path: &str, credential: &str, at_seconds: i64) -> String {
        let about = proof::Request {
            method: "POST",
            path,
            credential: Some(credential),
        };
        proof::make(key, self.0.wire.url(), about, fresh(), at_seconds).expect("a proof")
    }
}

fn chunks(pieces: &[(Stream, u64, &[u8])]) -> Vec<Chunk> {
    let chunk = |(stream, offset, data): &(Stream, u64, &[u8])| Chunk {
        stream: *stream,
        offset: *offset,
        data: data.to_vec(),
    };
    pieces.iter().map(chunk).collect()
}

fn read<A: DeserializeOwned>(answer: &Answer) -> Result<A, Refusal> {
    if answer.status == 200 {
        return Ok(answer.json());
    }
    let code = answer.code();
    let problem: postern_api::Problem = answer.json();
    Err(Refusal {
        status: answer.status,
        code,
        detail: problem.detail,
        server_time_us: problem.server_time_us,
    })
}

fn fresh() -> String {
    IdempotencyKey::random().to_string()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
