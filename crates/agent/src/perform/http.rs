//! `http_request`: a call to a system in the segment.
//!
//! Completed when the answer has an expected status. Everything else is a failure, with what is known of the answer
//! beside it; a missing secret or an address that the host's policy refuses fails before anything is sent.
//!
//! Every hop is looked up once, each address found is put before the policy, and the connection goes to one of those
//! that it allowed: a name that changes its mind between check and call gains nothing. No proxy is used, whatever the
//! environment says. A redirect is followed only as often as the job says.
//!
//! The body is read until what is to be kept is full. What a result can hold is less than that (see
//! `limits::RESULT_BYTES`), so the whole kept body goes to the output and the result has its beginning.

#![allow(
    clippy::result_large_err,
    reason = "a failure carries what was found, and there is one in a process"
)]

mod exchange;
mod redirect;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body as _, Incoming},
    header::{self, HeaderName, HeaderValue},
};
use postern_protocol::{
    limits::RESULT_BYTES,
    payload::HttpRequest,
    result::{HttpHeader, HttpResult, JobResult},
    seal::Secrets,
    with_causes,
};
use url::Url;

pub(in crate::perform) use exchange::{Connection, open, place};

use self::redirect::{Hop, is_redirect};
use super::{
    Context, Failed,
    network::{
        host::resolve,
        text::print,
        tls::{Judge, Trust},
    },
};
use crate::policy::HttpPolicy;

const CONNECT: Duration = Duration::from_secs(10);
const ANSWER_BYTES: u32 = 64 * 1024;
/// Kept of the headers, as JSON.
const HEADERS_BYTES: usize = 64 * 1024;
/// For everything in a result but headers and body: addresses of up to ten redirects.
const REST_BYTES: usize = 192 * 1024;

pub(super) fn perform(work: &HttpRequest, context: &Context) -> Result<JobResult, Failed> {
    run(work, context, &mut print)
}

fn run(work: &HttpRequest, context: &Context, say: &mut dyn FnMut(&str)) -> Result<JobResult, Failed> {
    let failed = |reason: String| Failed { reason, result: None };
    let trust = Trust::of_host();
    let trust = match &work.extra_ca {
        Some(pem) => trust.and(pem).map_err(failed)?,
        None => trust,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(format!("no connection can be made: {error}")))?;
    let call = Call {
        work,
        policy: &context.policy.http,
        trust: &trust,
    };
    let (result, outcome) = runtime.block_on(call.run(&context.secrets));
    if let Some(answer) = &result {
        say(&account(answer));
    }
    let result = result.map(|result| JobResult::HttpRequest(fitted(result)));
    match (outcome, result) {
        (Ok(()), Some(result)) => Ok(result),
        (Ok(()), None) => Err(failed("nothing was asked".to_owned())),
        (Err(reason), result) => Err(Failed { reason, result }),
    }
}

/// The addresses of a URL's host that the policy lets through, in the system's order; with none of them, its reason.
pub(in crate::perform) fn allowed(url: &Url, policy: &HttpPolicy) -> Result<Vec<SocketAddr>, String> {
    let (host, port) = place(url)?;
    let mut refused = None;
    let mut addresses = Vec::new();
    for address in resolve(&host, port)? {
        match policy.allows(&host, address.ip(), port) {
            Ok(()) => addresses.push(address),
            Err(reason) => {
                refused.get_or_insert(reason);
            }
        }
    }
    match refused {
        Some(reason) if addresses.is_empty() => Err(reason),
        _ => Ok(addresses),
    }
}

struct Call<'a> {
    work: &'a HttpRequest,
    policy: &'a HttpPolicy,
    trust: &'a Trust,
}

impl Call<'_> {
    /// What came, and whether it is what was wanted. No result when nothing was sent.
    async fn run(&self, secrets: &Secrets) -> (Option<HttpResult>, Result<(), String>) {
        let hop = match first(self.work, secrets) {
            Ok(hop) => hop,
            Err(reason) => return (None, Err(reason)),
        };
        let mut result = HttpResult {
            method: hop.method.to_string(),
            url: hop.url.to_string(),
            redirects: Vec::new(),
            status: None,
            headers: Vec::new(),
            body: String::new(),
            body_bytes: 0,
            truncated: false,
            certificate_checked: None,
            time_us: 0,
        };
        let begin = Instant::now();
        let outcome = self.hops(hop, &mut result).await;
        result.time_us = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
        (Some(result), outcome)
    }

    async fn hops(&self, mut hop: Hop, result: &mut HttpResult) -> Result<(), String> {
        let most = self.work.max_redirects.unwrap_or(0);
        for number in 0..=most {
            result.method = hop.method.to_string();
            result.url = hop.url.to_string();
            // Of the one before; of this one nothing is known yet.
            result.status = None;
            result.headers.clear();
            result.certificate_checked = None;
            let answer = self.once(&hop, result).await?;
            let status = answer.status();
            result.status = Some(status.as_u16());
            result.headers = headers(answer.headers());
            let location = answer
                .headers()
                .get(header::LOCATION)
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .filter(|_| is_redirect(status) && most > 0);
            let Some(location) = location else {
                let keep = self.work.max_answer_bytes.unwrap_or(ANSWER_BYTES);
                read(answer, keep, result).await?;
                return expected(status, &self.work.expected_status);
            };
            if number == most {
                break;
            }
            let from = hop.url.to_string();
            hop = hop.follow(status, &location)?;
            result.redirects.push(from);
        }
        Err(format!(
            "there are more redirects than the {most} that may be followed"
        ))
    }

    async fn once(&self, hop: &Hop, result: &mut HttpResult) -> Result<Response<Incoming>, String> {
        let addresses = allowed(&hop.url, self.policy)?;
        let judge = if self.work.allow_invalid_certificate {
            Judge::Note
        } else {
            Judge::Refuse
        };
        let connection = open(&hop.url, &addresses, self.trust, judge, CONNECT).await?;
        result.certificate_checked = connection.tls.is_some().then_some(judge == Judge::Refuse);
        let mut request = Request::new(());
        *request.method_mut() = hop.method.clone();
        *request.headers_mut() = hop.headers.clone();
        let (parts, ()) = request.into_parts();
        connection.send(&hop.url, parts, hop.body.clone()).await
    }
}

/// The request as the job has it, with the values of its secrets.
fn first(work: &HttpRequest, secrets: &Secrets) -> Result<Hop, String> {
    let method = Method::from_bytes(work.method.as_bytes())
        .map_err(|_| format!("'{}' is not a method", work.method))?;
    let url = Url::parse(&work.url).map_err(|error| format!("'{}' is not an address: {error}", work.url))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("postern-agent/", env!("CARGO_PKG_VERSION"))),
    );
    for (name, value) in &work.headers {
        let value = HeaderValue::try_from(value)
            .map_err(|_| format!("the value of header '{name}' cannot be sent"))?;
        headers.insert(header_name(name)?, value);
    }
    let mut secret = Vec::new();
    for (name, of) in &work.secret_headers {
        let value = secrets
            .get(of)
            .ok_or_else(|| format!("the secret '{of}' for header '{name}' was not given"))?;
        let mut value = HeaderValue::try_from(value.as_str())
            .map_err(|_| format!("the value of secret '{of}' cannot be sent in a header"))?;
        value.set_sensitive(true);
        let name = header_name(name)?;
        headers.insert(name.clone(), value);
        secret.push(name);
    }
    Ok(Hop {
        method,
        url,
        headers,
        secret,
        body: Bytes::from(work.body.clone().unwrap_or_default()),
    })
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    HeaderName::try_from(name).map_err(|_| format!("'{name}' is not a header's name"))
}

fn expected(status: StatusCode, wanted: &[u16]) -> Result<(), String> {
    if wanted.contains(&status.as_u16()) || (wanted.is_empty() && status.is_success()) {
        return Ok(());
    }
    let wanted: Vec<String> = wanted.iter().map(u16::to_string).collect();
    let wanted = if wanted.is_empty() {
        "200 to 299".to_owned()
    } else {
        wanted.join(", ")
    };
    Err(format!(
        "the server answered {}, expected was {wanted}",
        status.as_u16()
    ))
}

/// Bounded; a value that is not UTF-8 has U+FFFD in place of what is not.
fn headers(from: &HeaderMap) -> Vec<HttpHeader> {
    let mut room = HEADERS_BYTES;
    let mut headers = Vec::new();
    for (name, value) in from {
        let header = HttpHeader {
            name: name.to_string(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        };
        room = match room.checked_sub(json_bytes(&header)) {
            Some(room) => room,
            None => break,
        };
        headers.push(header);
    }
    headers
}

/// Keeps at most `keep` bytes, and stops there. How long the whole is stands in its `Content-Length`, or is not known.
async fn read(answer: Response<Incoming>, keep: u32, result: &mut HttpResult) -> Result<(), String> {
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let mut body = answer.into_body();
    let announced = body.size_hint().exact();
    let mut kept = Vec::new();
    let mut seen = 0;
    let mut outcome = Ok(());
    while let Some(frame) = body.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(error) => {
                outcome = Err(format!("the answer broke off: {}", with_causes(&error)));
                break;
            }
        };
        seen += data.len() as u64;
        let room = keep - kept.len();
        kept.extend_from_slice(data.get(..room).unwrap_or(&data));
        if data.len() > room {
            result.truncated = true;
            break;
        }
    }
    result.body_bytes = if result.truncated {
        announced.unwrap_or(seen)
    } else {
        seen
    };
    result.body = String::from_utf8_lossy(&kept).into_owned();
    outcome
}

/// Cuts the body so that the whole is no longer than a result may be.
fn fitted(mut result: HttpResult) -> HttpResult {
    let mut room = RESULT_BYTES.saturating_sub(HEADERS_BYTES + REST_BYTES);
    let mut end = 0;
    for c in result.body.chars() {
        room = match room.checked_sub(json_bytes(&c)) {
            Some(room) => room,
            None => break,
        };
        end += c.len_utf8();
    }
    if end < result.body.len() {
        result.body.truncate(end);
        result.truncated = true;
    }
    result
}

fn json_bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_string(value).map_or(usize::MAX, |text| text.len())
}

/// For people: status and headers as `curl -i` shows them, and the body as it came.
fn account(result: &HttpResult) -> String {
    let mut text = String::new();
    for from in &result.redirects {
        text.push_str(&format!("redirected from {from}\n"));
    }
    text.push_str(&format!("{} {}\n", result.method, result.url));
    if result.certificate_checked == Some(false) {
        text.push_str("the server's certificate was not checked\n");
    }
    let Some(status) = result.status else {
        return text;
    };
    text.push_str(&format!("status {status}\n"));
    for header in &result.headers {
        text.push_str(&format!("{}: {}\n", header.name, header.value));
    }
    text.push('\n');
    text.push_str(&result.body);
    if !result.body.is_empty() && !result.body.ends_with('\n') {
        text.push('\n');
    }
    if result.truncated {
        text.push_str("(the rest of the answer was left out)\n");
    }
    text
}

#[cfg(test)]
mod tests;
