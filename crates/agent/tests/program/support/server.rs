//! A FAKE server: one agent, everything in memory, told by the test what to hand out and when to fail.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use postern_protocol::{
    credential,
    enrollment::EnrollmentToken,
    keys::SigningKey,
    messages::{
        CheckinAnswer, CheckinRequest, EnrollAnswer, EnrollRequest, OutputAnswer, OutputRequest, RenewAnswer,
        ResultAnswer, ResultRequest, Settings,
    },
    order::{Order, SignedOrder},
    proof::{self, ProofError},
    refusal::RefusalCode,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::{net::TcpListener, sync::Notify};
use tokio_rustls::{TlsAcceptor, rustls};

use super::{AGENT, wait_for};

const AGENT_ID: i64 = 7;
const ISSUER: &str = "fake-cluster";
const POLL: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(crate) struct State {
    /// Token text and whether it was used.
    pub(crate) tokens: BTreeMap<String, bool>,
    pub(crate) jkt: String,
    pub(crate) credentials: Vec<String>,
    pub(crate) orders: Vec<SignedOrder>,
    pub(crate) cancel: Vec<i64>,
    pub(crate) results: BTreeMap<i64, ResultRequest>,
    pub(crate) output: BTreeMap<i64, Vec<OutputRequest>>,
    pub(crate) checkins: Vec<CheckinRequest>,
    pub(crate) requests: usize,
    /// So many results are answered with 503.
    pub(crate) results_to_fail: usize,
    /// Every call is refused with it.
    pub(crate) refuse: Option<RefusalCode>,
    /// How far the server's clock is ahead.
    pub(crate) ahead_seconds: i64,
    /// How long credentials hold.
    pub(crate) lifetime_seconds: Option<i64>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) ca_der: Vec<u8>,
    shared: Arc<Shared>,
    _runtime: tokio::runtime::Runtime,
}

struct Shared {
    key: SigningKey,
    state: Mutex<State>,
    news: Notify,
}

impl Server {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (tls, ca_der) = certificates();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            key: SigningKey::generate().unwrap(),
            state: Mutex::default(),
            news: Notify::new(),
        });
        runtime.spawn(accept(listener, TlsAcceptor::from(Arc::new(tls)), shared.clone()));
        Self {
            address,
            ca_der,
            shared,
            _runtime: runtime,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.address.port())
    }

    pub(crate) fn token(&self) -> String {
        let number = self.state().tokens.len() as u8 + 1;
        let token = EnrollmentToken {
            ca_sha256: sha256(&self.ca_der),
            id: number.into(),
            secret: [number; 24].into(),
        }
        .reveal();
        self.state().tokens.insert(token.clone(), false);
        token
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    pub(crate) fn give(&self, order: &Order) {
        let signed = SignedOrder::sign(order, &self.shared.key).unwrap();
        self.state().orders.push(signed);
        self.shared.news.notify_waiters();
    }

    pub(crate) fn cancel(&self, attempt: i64) {
        self.state().cancel.push(attempt);
        self.shared.news.notify_waiters();
    }

    pub(crate) fn result(&self, attempt: i64) -> ResultRequest {
        wait_for(&format!("the result of attempt {attempt}"), || {
            self.state().results.get(&attempt).cloned()
        })
    }

    /// `command` started with a fresh token on `data`.
    pub(crate) fn agent(&self, data: &Path) -> Agent {
        Agent::start(data, &["--server", &self.url(), "--token", &self.token()], &[])
    }

    pub(crate) fn wait_for_checkins(&self, count: usize) {
        wait_for("check-ins", || {
            (self.state().checkins.len() >= count).then_some(())
        });
    }
}

pub(crate) struct Agent(pub(crate) Child);

impl Agent {
    pub(crate) fn start(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let child = Command::new(AGENT)
            .arg("run")
            .arg("--data")
            .arg(data)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// As a power cut of the process alone.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub(crate) fn exit(mut self) -> (Option<i32>, String) {
        let status = wait_for("the agent's end", || self.0.try_wait().unwrap());
        let mut text = String::new();
        std::io::Read::read_to_string(&mut self.0.stderr.take().unwrap(), &mut text).unwrap();
        (status.code(), text)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn certificates() -> (rustls::ServerConfig, Vec<u8>) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone(), ca.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    (config, ca.der().to_vec())
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().try_into().unwrap()
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (acceptor, shared) = (acceptor.clone(), shared.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(move |request| answer(shared.clone(), request));
            let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let (head, body) = request.into_parts();
    shared.state.lock().unwrap().requests += 1;
    let answered = match body.collect().await {
        Ok(body) => handle(&shared, &head, &body.to_bytes()).await,
        // An agent was killed while it spoke.
        Err(error) => Err((400, error.to_string())),
    };
    let (status, text) = match answered {
        Ok(text) => (200, text),
        Err((status, text)) => (status, text),
    };
    let response = Response::builder().status(status).body(Full::from(text)).unwrap();
    Ok(response)
}

type Failure = (u16, String);

fn refusal(shared: &Shared, code: RefusalCode) -> Failure {
    let time = now_us(shared);
    (
        401,
        format!(r#"{{"code":"{}","server_time_us":{time}}}"#, code.as_str()),
    )
}

fn now_us(shared: &Shared) -> i64 {
    #[allow(clippy::disallowed_methods, reason = "the fake server's clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    i64::try_from(now).unwrap() + shared.state.lock().unwrap().ahead_seconds * 1_000_000
}

async fn handle(shared: &Shared, head: &hyper::http::request::Parts, body: &[u8]) -> Result<String, Failure> {
    let path = head.uri.path();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let credential = header("authorization").and_then(|value| value.strip_prefix("DPoP "));
    let about = proof::Request {
        method: "POST",
        path,
        credential,
    };
    let now_s = now_us(shared) / 1_000_000;
    let (_, key) = proof::verify(header("dpop").unwrap_or_default(), about, now_s).map_err(|error| {
        let code = if matches!(error, ProofError::Clock) {
            RefusalCode::ProofClock
        } else {
            RefusalCode::ProofInvalid
        };
        refusal(shared, code)
    })?;
    let refuse = shared.state.lock().unwrap().refuse;
    if let Some(code) = refuse {
        return Err(refusal(shared, code));
    }
    if path == "/agent/v1/enroll" {
        return enroll(shared, &serde_json::from_slice(body).unwrap(), &key.thumbprint());
    }
    let bound = shared.state.lock().unwrap().jkt == key.thumbprint();
    credential::verify(credential.unwrap_or_default(), ISSUER, shared.key.public(), now_s)
        .ok()
        .filter(|_| bound)
        .ok_or_else(|| refusal(shared, RefusalCode::CredentialInvalid))?;
    if path == "/agent/v1/checkin" {
        return checkin(shared, serde_json::from_slice(body).unwrap()).await;
    }
    if path == "/agent/v1/credential/renew" {
        let credential = issue(shared);
        return Ok(serde_json::to_string(&RenewAnswer { credential }).unwrap());
    }
    let mut parts = path.trim_start_matches("/agent/v1/attempts/").split('/');
    let attempt: i64 = parts.next().unwrap().parse().unwrap();
    let mut state = shared.state.lock().unwrap();
    if parts.next() == Some("output") {
        let request: OutputRequest = serde_json::from_slice(body).unwrap();
        state.output.entry(attempt).or_default().push(request);
        return Ok(serde_json::to_string(&OutputAnswer { wanted: true }).unwrap());
    }
    if state.results_to_fail > 0 {
        state.results_to_fail -= 1;
        return Err((503, "{}".into()));
    }
    state
        .results
        .insert(attempt, serde_json::from_slice(body).unwrap());
    state.cancel.retain(|id| *id != attempt);
    Ok(serde_json::to_string(&ResultAnswer { known: true }).unwrap())
}

fn issue(shared: &Shared) -> String {
    let now = now_us(shared) / 1_000_000;
    let mut state = shared.state.lock().unwrap();
    let claims = credential::Claims {
        iss: ISSUER.into(),
        sub: credential::Claims::subject(AGENT_ID),
        aud: credential::AUDIENCE.into(),
        exp: now + state.lifetime_seconds.unwrap_or(365 * 24 * 3600),
        nbf: now,
        iat: now,
        jti: format!("j{}", state.credentials.len()),
        cnf: credential::Confirmation {
            jkt: state.jkt.clone(),
        },
    };
    // Only the first is short.
    state.lifetime_seconds = None;
    let text = credential::issue(&claims, &shared.key).unwrap();
    state.credentials.push(text.clone());
    text
}

fn enroll(shared: &Shared, request: &EnrollRequest, jkt: &str) -> Result<String, Failure> {
    let used = shared
        .state
        .lock()
        .unwrap()
        .tokens
        .insert(request.token.clone(), true);
    match used {
        None => return Err(refusal(shared, RefusalCode::EnrollmentTokenUnknown)),
        Some(true) => return Err(refusal(shared, RefusalCode::EnrollmentTokenUsed)),
        Some(false) => {}
    }
    shared.state.lock().unwrap().jkt = jkt.to_owned();
    let answer = EnrollAnswer {
        agent_id: AGENT_ID,
        agent_name: "fake".into(),
        credential: issue(shared),
        order_key: shared.key.public().to_string(),
        settings: Settings {
            renew_credential: true,
        },
        server_time_us: now_us(shared),
    };
    Ok(serde_json::to_string(&answer).unwrap())
}

/// Every order whose attempt the agent does not hold, as the real one does.
async fn checkin(shared: &Shared, request: CheckinRequest) -> Result<String, Failure> {
    let held: Vec<i64> = request.held.iter().map(|held| held.attempt_id).collect();
    shared.state.lock().unwrap().checkins.push(request);
    let begin = tokio::time::Instant::now();
    loop {
        let news = shared.news.notified();
        tokio::pin!(news);
        news.as_mut().enable();
        let (orders, cancel) = {
            let state = shared.state.lock().unwrap();
            let missing = |signed: &&SignedOrder| {
                let order: Order = serde_json::from_str(&signed.order).unwrap();
                !held.contains(&order.attempt_id) && !state.results.contains_key(&order.attempt_id)
            };
            let orders: Vec<SignedOrder> = state.orders.iter().filter(missing).cloned().collect();
            (orders, state.cancel.clone())
        };
        if !orders.is_empty() || !cancel.is_empty() || begin.elapsed() >= POLL {
            let answer = CheckinAnswer {
                orders,
                cancel,
                server_time_us: now_us(shared),
                ..CheckinAnswer::default()
            };
            return Ok(serde_json::to_string(&answer).unwrap());
        }
        let _ = tokio::time::timeout(POLL, news).await;
    }
}

/// A FAKE proxy that only knows CONNECT, and notes where it was asked to connect to.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) targets: Arc<Mutex<Vec<String>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Proxy {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let targets: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = targets.clone();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(tunnel(client, noted.clone()));
            }
        });
        Self {
            address,
            targets,
            _runtime: runtime,
        }
    }
}

async fn tunnel(mut client: tokio::net::TcpStream, targets: Arc<Mutex<Vec<String>>>) -> Option<()> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let target = head.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
    targets.lock().unwrap().push(target.clone());
    let mut server = tokio::net::TcpStream::connect(target).await.ok()?;
    client
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await
        .ok()?;
    tokio::io::copy_bidirectional(&mut client, &mut server)
        .await
        .ok()?;
    Some(())
}
