//! One request: address, credentials, deadline, repetition, and the answer read as what it should be.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use postern_api::Problem;
use reqwest::{
    Method, RequestBuilder, Response, StatusCode, Url,
    header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, USER_AGENT},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Credentials, Download, Error, IdempotencyKey, SESSION_COOKIE, Secret, SetupError, Trust, trust};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// For a whole call: request, answer and body.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Waits between repetitions of what may be repeated.
const REPEAT_AFTER: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1000),
    Duration::from_millis(2000),
];
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Largest answer that is read into memory.
const ANSWER_BYTES: usize = 256 * 1024 * 1024;

/// A connection to one server as one caller. Cloning is cheap and shares the connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Arc<Url>,
    headers: HeaderMap,
}

/// One call before it is sent.
pub(crate) struct Call<'a> {
    client: &'a Client,
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
    headers: HeaderMap,
}

impl Client {
    /// `base_url` is the server's address without `/api/v1`.
    pub fn new(base_url: &str, credentials: &Credentials, trust: &Trust) -> Result<Self, SetupError> {
        let address = || SetupError::Address(base_url.to_owned());
        let mut base = Url::parse(base_url).map_err(|_| address())?;
        if !matches!(base.scheme(), "https" | "http") || !base.has_host() {
            return Err(address());
        }
        base.set_query(None);
        base.set_fragment(None);
        base.path_segments_mut().map_err(|()| address())?.pop_if_empty();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(trust::tls_config(trust)?)
            .connect_timeout(CONNECT_WITHIN)
            .tcp_keepalive(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(SetupError::Http)?;
        Ok(Self {
            http,
            base: Arc::new(base),
            headers: headers(credentials)?,
        })
    }

    /// The same server and connections as another caller.
    pub fn with_credentials(&self, credentials: &Credentials) -> Result<Self, SetupError> {
        Ok(Self {
            headers: headers(credentials)?,
            ..self.clone()
        })
    }

    pub fn base_url(&self) -> &Url {
        &self.base
    }

    /// A call under `/api/v1`; segments are encoded, so a name can never become a path.
    pub(crate) fn call(&self, method: Method, segments: &[&str]) -> Call<'_> {
        let mut url = Url::clone(&self.base);
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(["api", "v1"]).extend(segments);
        }
        Call {
            client: self,
            method,
            url,
            body: None,
            headers: HeaderMap::new(),
        }
    }
}

impl Call<'_> {
    pub(crate) fn query<K: AsRef<str>, V: AsRef<str>>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut pairs = pairs.into_iter().peekable();
        if pairs.peek().is_some() {
            self.url.query_pairs_mut().extend_pairs(pairs);
        }
        self
    }

    pub(crate) fn body(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body).expect("API types have text keys and finite numbers"));
        self
    }

    pub(crate) fn key(mut self, key: &IdempotencyKey) -> Self {
        if let Ok(value) = HeaderValue::from_str(key.as_str()) {
            self.headers.insert(IDEMPOTENCY_KEY, value);
        }
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    pub(crate) async fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let (status, bytes) = self.bytes().await?;
        self.decode(status, &bytes)
    }

    pub(crate) async fn read_json<T: DeserializeOwned>(&self, response: Response) -> Result<T, Error> {
        let status = response.status();
        let bytes = tokio::time::timeout(ANSWER_WITHIN, read(response, &self.url))
            .await
            .map_err(|_| self.too_slow())??;
        self.decode(status, &bytes)
    }

    fn decode<T: DeserializeOwned>(&self, status: StatusCode, bytes: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(bytes).map_err(|error| Error::Decode {
            url: self.url.origin().ascii_serialization(),
            status: status.as_u16(),
            cause: error.to_string(),
        })
    }

    fn too_slow(&self) -> Error {
        Error::Transport {
            url: self.url.origin().ascii_serialization(),
            cause: "it took too long".to_owned(),
        }
    }

    pub(crate) async fn nothing(self) -> Result<(), Error> {
        self.bytes().await.map(|_| ())
    }

    /// The whole answer, after repetitions where those are harmless.
    pub(crate) async fn bytes(&self) -> Result<(StatusCode, Vec<u8>), Error> {
        self.repeated(|| self.once()).await
    }

    /// An answer that is read as it comes. It is repeated until it begins, and never afterwards.
    pub(crate) async fn download(self) -> Result<Download, Error> {
        let response = self.repeated(|| self.open()).await?;
        Ok(Download::new(self.url, response))
    }

    async fn repeated<T, F>(&self, once: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let repeatable = self.method == Method::GET || self.headers.contains_key(IDEMPOTENCY_KEY);
        let mut waits = REPEAT_AFTER.iter();
        loop {
            let error = match once().await {
                Err(error) if repeatable && is_worth_repeating(&error) => error,
                answer => return answer,
            };
            match waits.next() {
                Some(wait) => tokio::time::sleep(*wait).await,
                None => return Err(error),
            }
        }
    }

    async fn once(&self) -> Result<(StatusCode, Vec<u8>), Error> {
        let response = self.send(Some(ANSWER_WITHIN)).await?;
        let status = response.status();
        Ok((status, read(response, &self.url).await?))
    }

    /// The answer's head, with its body still to be read; refusals become errors.
    pub(crate) async fn open(&self) -> Result<Response, Error> {
        self.send(None).await
    }

    pub(crate) fn into_url(self) -> Url {
        self.url
    }

    async fn send(&self, within: Option<Duration>) -> Result<Response, Error> {
        let request = self.request(within).send();
        // A stream has no deadline as a whole, its head has.
        let response = match tokio::time::timeout(ANSWER_WITHIN, request).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(Error::transport(&self.url, &error)),
            Err(_) => return Err(self.too_slow()),
        };
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let body = read(response, &self.url).await?;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(Error::Problem(Box::new(problem))),
            Err(_) => Err(Error::Decode {
                url: self.url.origin().ascii_serialization(),
                status,
                cause: "is a proxy in between, or does another program listen there?".to_owned(),
            }),
        }
    }

    fn request(&self, within: Option<Duration>) -> RequestBuilder {
        let mut request = self
            .client
            .http
            .request(self.method.clone(), self.url.clone())
            .headers(self.client.headers.clone())
            .headers(self.headers.clone());
        if let Some(within) = within {
            request = request.timeout(within);
        }
        if let Some(body) = &self.body {
            request = request
                .header("Content-Type", "application/json")
                .body(body.clone());
        }
        request
    }
}

/// Too many requests is the caller's to wait out, not to hammer at.
fn is_worth_repeating(error: &Error) -> bool {
    error.is_transient() && error.status() != Some(429)
}

async fn read(response: Response, url: &Url) -> Result<Vec<u8>, Error> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Error::transport(url, &error))?;
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(Error::Decode {
                url: url.origin().ascii_serialization(),
                status,
                cause: format!("the answer is longer than {ANSWER_BYTES} bytes"),
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn headers(credentials: &Credentials) -> Result<HeaderMap, SetupError> {
    fn secret(text: &str) -> Result<HeaderValue, SetupError> {
        let mut value = HeaderValue::from_str(text).map_err(|_| SetupError::Credentials)?;
        value.set_sensitive(true);
        Ok(value)
    }
    fn token(secret_text: &Secret) -> Result<HeaderValue, SetupError> {
        secret(&format!("Bearer {}", secret_text.reveal()))
    }
    let mut headers = HeaderMap::new();
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("postern/", env!("CARGO_PKG_VERSION"))),
    );
    match credentials {
        Credentials::None => {}
        Credentials::Token(text) => {
            headers.insert(AUTHORIZATION, token(text)?);
        }
        Credentials::Session { cookie, csrf } => {
            headers.insert(COOKIE, secret(&format!("{SESSION_COOKIE}={}", cookie.reveal()))?);
            headers.insert("x-csrf-token", secret(csrf.reveal())?);
        }
    }
    Ok(headers)
}
