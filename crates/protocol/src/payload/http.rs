//! `http_request`: a call to a system in the segment.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{PayloadError, error};
use crate::limits::{
    HTTP_ANSWER_BYTES, HTTP_BODY_BYTES, HTTP_HEADERS, HTTP_NAME_BYTES, HTTP_REDIRECTS, HTTP_URL_BYTES,
};

/// One request. The job completes when the answer has an expected status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HttpRequest {
    /// `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE` or `OPTIONS`.
    pub method: String,
    /// `http://` or `https://`, without a user and password in it.
    pub url: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Headers whose values are secret: header name to name of the secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Any from 200 to 299 when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected_status: Vec<u16>,
    /// Do not check the server's certificate. The result says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_invalid_certificate: bool,
    /// Certificates to trust beside the host's, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_ca: Option<String>,
    /// How many redirects are followed, each checked like the first address; 0 to 10, none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_redirects: Option<u32>,
    /// How much of the answer's body is kept; at most 1 MiB, 64 KiB when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_answer_bytes: Option<u32>,
}

const OF_THE_CONNECTION: [&str; 8] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

impl HttpRequest {
    pub(super) fn summary(&self) -> String {
        format!("{} {}", self.method, self.url)
    }

    pub(super) fn check(&self) -> Result<(), PayloadError> {
        if !METHODS.contains(&self.method.as_str()) {
            return Err(error("method", format!("must be one of {}", METHODS.join(", "))));
        }
        check_url(&self.url)?;
        if self.headers.len() + self.secret_headers.len() > HTTP_HEADERS {
            return Err(error("headers", format!("has more than {HTTP_HEADERS} entries")));
        }
        for (name, value) in &self.headers {
            check_header(&format!("headers.{name}"), name)?;
            if value.len() > HTTP_URL_BYTES || value.chars().any(|c| c.is_control() && c != '\t') {
                return Err(error(
                    format!("headers.{name}"),
                    format!("must have at most {HTTP_URL_BYTES} bytes and no control characters"),
                ));
            }
        }
        for (name, secret) in &self.secret_headers {
            check_header(&format!("secret_headers.{name}"), name)?;
            if self.headers.keys().any(|other| other.eq_ignore_ascii_case(name)) {
                let problem = "is given among the headers already";
                return Err(error(format!("secret_headers.{name}"), problem));
            }
            if secret.is_empty() || secret.len() > HTTP_NAME_BYTES {
                let problem = format!("must name a secret, with at most {HTTP_NAME_BYTES} bytes");
                return Err(error(format!("secret_headers.{name}"), problem));
            }
        }
        check_once("headers", self.headers.keys())?;
        check_once("secret_headers", self.secret_headers.keys())?;
        if self
            .body
            .as_ref()
            .is_some_and(|body| body.len() > HTTP_BODY_BYTES)
        {
            return Err(error("body", format!("is larger than {HTTP_BODY_BYTES} bytes")));
        }
        for (index, status) in self.expected_status.iter().enumerate() {
            check_status(&format!("expected_status[{index}]"), Some(*status))?;
        }
        if let Some(pem) = &self.extra_ca
            && (pem.len() > HTTP_BODY_BYTES || !pem.contains("-----BEGIN CERTIFICATE-----"))
        {
            return Err(error("extra_ca", "is not a certificate in PEM"));
        }
        if self.max_redirects.is_some_and(|most| most > HTTP_REDIRECTS) {
            return Err(error("max_redirects", format!("must be 0 to {HTTP_REDIRECTS}")));
        }
        if self.max_answer_bytes.is_some_and(|most| most > HTTP_ANSWER_BYTES) {
            return Err(error(
                "max_answer_bytes",
                format!("must be at most {HTTP_ANSWER_BYTES}"),
            ));
        }
        Ok(())
    }
}

pub(super) fn check_url(url: &str) -> Result<(), PayloadError> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .ok_or_else(|| error("url", "must start with http:// or https://"))?;
    if url.len() > HTTP_URL_BYTES {
        return Err(error("url", format!("is longer than {HTTP_URL_BYTES} bytes")));
    }
    if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(error("url", "must not contain spaces or control characters"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(error("url", "names no host"));
    }
    if authority.contains('@') {
        let problem = "must not carry a user or password: use secret_headers";
        return Err(error("url", problem));
    }
    Ok(())
}

pub(super) fn check_status(field: &str, status: Option<u16>) -> Result<(), PayloadError> {
    match status {
        Some(status) if !(100..=599).contains(&status) => Err(error(field, "must be 100 to 599")),
        _ => Ok(()),
    }
}

/// RFC 9110, 5.6.2: a token; and none that decides where the request ends, which is the agent's to say.
fn check_header(field: &str, name: &str) -> Result<(), PayloadError> {
    let token = !name.is_empty()
        && name.len() <= HTTP_NAME_BYTES
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if !token {
        return Err(error(field, "is not a header's name"));
    }
    if OF_THE_CONNECTION.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err(error(field, "is set by the agent itself: leave it out"));
    }
    Ok(())
}

/// Names differ by more than their capitals.
fn check_once<'a>(field: &str, names: impl Iterator<Item = &'a String>) -> Result<(), PayloadError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(error(format!("{field}.{name}"), "is given twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::METHODS;
    use crate::{
        limits::{
            HTTP_ANSWER_BYTES, HTTP_BODY_BYTES, HTTP_HEADERS, HTTP_NAME_BYTES, HTTP_REDIRECTS, HTTP_URL_BYTES,
        },
        payload::tests::{bad, good, unreadable},
    };

    const KIND: &str = "http_request";

    fn with(field: &str, value: Value) -> Value {
        let mut payload = json!({"method": "GET", "url": "https://web1/health"});
        payload[field] = value;
        payload
    }

    #[test]
    fn methods_are_those_that_are_known() {
        for method in METHODS {
            let payload = good(KIND, &with("method", json!(method)));
            assert_eq!(payload.summary(), format!("{method} https://web1/health"));
        }
        for method in ["", "get", "CONNECT", "TRACE", "GET /"] {
            bad(KIND, &with("method", json!(method)), "method");
        }
    }

    #[test]
    fn an_address_is_http_with_a_host_and_without_a_password() {
        let longest = format!("http://a/{}", "x".repeat(HTTP_URL_BYTES - 9));
        for url in [
            "http://a",
            "https://a:8443/x?y=%20#z",
            "http://[::1]/",
            "https://a/@b",
            &longest,
        ] {
            good(KIND, &with("url", json!(url)));
        }
        let beyond = format!("{longest}x");
        for url in [
            "",
            "a",
            "ftp://a",
            "HTTP://a",
            "https://",
            "https:///x",
            "https://?x",
            "https://a b",
            "https://a\n",
            "https://user@a",
            "https://user:pw@a/",
            &beyond,
        ] {
            bad(KIND, &with("url", json!(url)), "url");
        }
    }

    #[test]
    fn headers_are_counted_over_both_kinds() {
        let some = |count: usize, kind: &str| -> Value {
            (0..count)
                .map(|number| (format!("{kind}-{number}"), json!("v")))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let both = |plain, secret| {
            let mut payload = with("headers", some(plain, "p"));
            payload["secret_headers"] = some(secret, "s");
            payload
        };
        good(KIND, &both(HTTP_HEADERS - 1, 1));
        bad(KIND, &both(HTTP_HEADERS, 1), "headers");
    }

    #[test]
    fn a_header_cannot_become_two() {
        good(
            KIND,
            &with(
                "headers",
                json!({"X-A": "a\tb", "X-B": "x".repeat(HTTP_URL_BYTES)}),
            ),
        );
        for value in ["a\r\nX-B: c", "a\0", &"x".repeat(HTTP_URL_BYTES + 1)] {
            bad(KIND, &with("headers", json!({"X-A": value})), "headers.X-A");
        }
        good(KIND, &with("headers", json!({"x".repeat(HTTP_NAME_BYTES): "v"})));
        for name in ["", "X A", "X:A", "X\n", "ä", &"x".repeat(HTTP_NAME_BYTES + 1)] {
            bad(
                KIND,
                &with("headers", json!({name: "v"})),
                &format!("headers.{name}"),
            );
            bad(
                KIND,
                &with("secret_headers", json!({name: "v"})),
                &format!("secret_headers.{name}"),
            );
        }
    }

    #[test]
    fn where_a_request_ends_is_not_for_the_job_to_say() {
        for name in [
            "Content-Length",
            "transfer-encoding",
            "Connection",
            "TE",
            "Upgrade",
        ] {
            bad(
                KIND,
                &with("headers", json!({name: "1"})),
                &format!("headers.{name}"),
            );
            bad(
                KIND,
                &with("secret_headers", json!({name: "s"})),
                &format!("secret_headers.{name}"),
            );
        }
    }

    #[test]
    fn a_header_is_given_once_whatever_its_capitals() {
        bad(
            KIND,
            &with("headers", json!({"X-A": "1", "x-a": "2"})),
            "headers.x-a",
        );
        bad(
            KIND,
            &with("secret_headers", json!({"X-A": "1", "x-a": "2"})),
            "secret_headers.x-a",
        );
        let mut both = with("headers", json!({"X-A": "1"}));
        both["secret_headers"] = json!({"x-a": "token"});
        bad(KIND, &both, "secret_headers.x-a");
    }

    #[test]
    fn secrets_are_named_and_not_in_the_payload() {
        let payload = good(
            KIND,
            &with(
                "secret_headers",
                json!({"Authorization": "token", "X-Key": "key"}),
            ),
        );
        assert_eq!(payload.secrets(), ["token", "key"]);
        assert!(
            good(KIND, &with("headers", json!({"X-A": "b"})))
                .secrets()
                .is_empty()
        );
        for name in ["", &"s".repeat(HTTP_NAME_BYTES + 1)] {
            bad(
                KIND,
                &with("secret_headers", json!({"X-Key": name})),
                "secret_headers.X-Key",
            );
        }
    }

    #[test]
    fn sizes_have_bounds() {
        good(KIND, &with("body", json!("x".repeat(HTTP_BODY_BYTES))));
        bad(
            KIND,
            &with("body", json!("x".repeat(HTTP_BODY_BYTES + 1))),
            "body",
        );
        good(KIND, &with("max_answer_bytes", json!(HTTP_ANSWER_BYTES)));
        bad(
            KIND,
            &with("max_answer_bytes", json!(HTTP_ANSWER_BYTES + 1)),
            "max_answer_bytes",
        );
        for most in [0, HTTP_REDIRECTS] {
            good(KIND, &with("max_redirects", json!(most)));
        }
        bad(
            KIND,
            &with("max_redirects", json!(HTTP_REDIRECTS + 1)),
            "max_redirects",
        );
    }

    #[test]
    fn statuses_are_those_there_are() {
        good(KIND, &with("expected_status", json!([100, 204, 599])));
        for status in [99, 600] {
            bad(
                KIND,
                &with("expected_status", json!([200, status])),
                "expected_status[1]",
            );
        }
    }

    #[test]
    fn an_authority_is_in_pem() {
        good(KIND, &with("extra_ca", json!("-----BEGIN CERTIFICATE-----\n")));
        bad(KIND, &with("extra_ca", json!("AAAA")), "extra_ca");
        let long = "-----BEGIN CERTIFICATE-----".to_owned() + &"A".repeat(HTTP_BODY_BYTES);
        bad(KIND, &with("extra_ca", json!(long)), "extra_ca");
    }

    #[test]
    fn nothing_else_is_taken() {
        unreadable(KIND, &with("proxy", json!("http://p")));
        unreadable(KIND, &with("expected_status", json!(200)));
        unreadable(KIND, &json!({"method": "GET"}));
        unreadable(KIND, &json!({"url": "https://a"}));
    }
}
