//! `http_check`: one GET, and what its answer's head and its certificate say.
//!
//! A certificate that this host does not accept ends the check before anything is sent, unless the job allows it. A
//! redirect is an answer like any other. The host's policy for `http_request` holds here as well.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::{
    Request,
    header::{self, HeaderName, HeaderValue},
};
use postern_protocol::result::HttpCheckResult;
use tokio::time::timeout;
use url::Url;

use super::{
    super::http::{Connection, allowed, open},
    tls::{Judge, Trust, refusal},
};
use crate::policy::HttpPolicy;

/// Kept of a header.
const HEADER_CHARACTERS: usize = 1024;

#[derive(Debug, Clone, Copy)]
pub(super) struct Check<'a> {
    pub(super) url: &'a str,
    /// Any below 400 when absent.
    pub(super) expected_status: Option<u16>,
    pub(super) allow_invalid_certificate: bool,
    pub(super) wait: Duration,
}

/// `problem` in the answer is why it failed, or what is wrong with a certificate that was allowed all the same; the
/// second says whether it failed.
pub(super) async fn check(
    check: Check<'_>,
    policy: &HttpPolicy,
    trust: &Trust,
) -> (HttpCheckResult, Result<(), String>) {
    let mut result = HttpCheckResult {
        url: check.url.to_owned(),
        status: None,
        time_us: None,
        server: None,
        content_type: None,
        tls: None,
        problem: None,
    };
    let outcome = match timeout(check.wait, ask(check, policy, trust, &mut result)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("there was no answer within {} s", check.wait.as_secs())),
    };
    result.problem = match &outcome {
        Err(problem) => Some(problem.clone()),
        Ok(()) => result.tls.as_ref().and_then(|tls| tls.problem.clone()),
    };
    (result, outcome)
}

async fn ask(
    check: Check<'_>,
    policy: &HttpPolicy,
    trust: &Trust,
    result: &mut HttpCheckResult,
) -> Result<(), String> {
    let url = Url::parse(check.url).map_err(|error| format!("'{}' is not an address: {error}", check.url))?;
    let addresses = allowed(&url, policy)?;
    let begin = Instant::now();
    let connection: Connection = open(&url, &addresses, trust, Judge::Note, check.wait).await?;
    result.tls.clone_from(&connection.tls);
    if let Some(tls) = &connection.tls
        && tls.problem.is_some()
        && !check.allow_invalid_certificate
    {
        return Err(refusal(tls));
    }
    let mut request = Request::new(());
    request.headers_mut().insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("postern-agent/", env!("CARGO_PKG_VERSION"))),
    );
    let (parts, ()) = request.into_parts();
    let answer = connection.send(&url, parts, Bytes::new()).await?;
    result.time_us = u64::try_from(begin.elapsed().as_micros()).ok();
    let text = |name: HeaderName| {
        let value = answer.headers().get(name)?;
        let text = String::from_utf8_lossy(value.as_bytes());
        Some(text.chars().take(HEADER_CHARACTERS).collect())
    };
    result.server = text(header::SERVER);
    result.content_type = text(header::CONTENT_TYPE);
    let status = answer.status().as_u16();
    result.status = Some(status);
    match check.expected_status {
        Some(wanted) if wanted != status => {
            Err(format!("the server answered {status}, expected was {wanted}"))
        }
        None if status >= 400 => Err(format!(
            "the server answered {status}, expected was one below 400"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perform::network::fixture::{Certificate, Nginx, block_on};

    fn look(url: &str, trust: &Trust) -> (HttpCheckResult, Result<(), String>) {
        look_with(url, trust, |check| check)
    }

    fn look_with<'a>(
        url: &'a str,
        trust: &Trust,
        change: impl FnOnce(Check<'a>) -> Check<'a>,
    ) -> (HttpCheckResult, Result<(), String>) {
        let what = change(Check {
            url,
            expected_status: None,
            allow_invalid_certificate: false,
            wait: Duration::from_secs(5),
        });
        block_on(check(what, &HttpPolicy::default(), trust))
    }

    #[test]
    fn an_answer_is_shown_with_its_head_and_tls() {
        let certificate = Certificate::good();
        let nginx = Nginx::start(&certificate, "");
        let (result, outcome) = look(
            &format!("https://localhost:{}/", nginx.https),
            &certificate.trust(),
        );
        assert_eq!(outcome, Ok(()));
        assert_eq!(
            (result.status, result.content_type.as_deref()),
            (Some(200), Some("text/plain"))
        );
        assert!(result.server.unwrap().starts_with("nginx") && result.time_us.is_some());
        assert_eq!(result.tls.unwrap().problem, None);
        assert_eq!(result.problem, None);
    }

    #[test]
    fn a_status_is_judged_by_what_was_expected() {
        let nginx = Nginx::start(
            &Certificate::good(),
            "location /no { return 404; } location /on { return 302 /; }",
        );
        let url = |path| format!("http://127.0.0.1:{}/{path}", nginx.http);
        let (result, outcome) = look(&url("no"), &Trust::nobody());
        assert_eq!(
            outcome.unwrap_err(),
            "the server answered 404, expected was one below 400"
        );
        assert_eq!(result.status, Some(404));
        assert_eq!(look(&url("on"), &Trust::nobody()).1, Ok(()));
        let wanted = |status| {
            look_with(&url("no"), &Trust::nobody(), |check| Check {
                expected_status: Some(status),
                ..check
            })
        };
        assert_eq!(wanted(404).1, Ok(()));
        assert_eq!(
            wanted(200).1.unwrap_err(),
            "the server answered 404, expected was 200"
        );
    }

    #[test]
    fn a_certificate_that_does_not_hold_ends_it_before_anything_is_sent() {
        let certificate = Certificate::expired();
        let nginx = Nginx::start(&certificate, "");
        let url = format!("https://localhost:{}/", nginx.https);
        let (result, outcome) = look(&url, &certificate.trust());
        let expected = "the server's certificate is not accepted: it expired at 2021-01-01T00:00:00Z";
        assert_eq!(outcome.unwrap_err(), expected);
        assert_eq!(
            (result.status, result.tls.unwrap().subject.as_str()),
            (None, "CN=server")
        );
        let (allowed, outcome) = look_with(&url, &certificate.trust(), |check| Check {
            allow_invalid_certificate: true,
            ..check
        });
        assert_eq!((outcome, allowed.status), (Ok(()), Some(200)));
        assert_eq!(
            allowed.problem.as_deref(),
            Some("it expired at 2021-01-01T00:00:00Z")
        );
        // The second request is the only one that came.
        assert_eq!(nginx.seen(1).len(), 1);
    }

    #[test]
    fn a_metadata_address_is_not_asked() {
        let (_, outcome) = look("http://169.254.169.254/latest", &Trust::nobody());
        assert!(outcome.unwrap_err().contains("policy of this host"));
    }

    #[test]
    fn a_server_that_says_nothing_is_waited_for_no_longer_than_allowed() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let (_, outcome) = look_with(&url, &Trust::nobody(), |check| Check {
            wait: Duration::from_secs(1),
            ..check
        });
        assert_eq!(outcome.unwrap_err(), "there was no answer within 1 s");
    }
}
