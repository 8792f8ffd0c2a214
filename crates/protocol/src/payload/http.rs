//! `http_request`: a call to a system in the segment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{PayloadError, error};
use crate::limits::{HTTP_ANSWER_BYTES, HTTP_BODY_BYTES, HTTP_HEADERS, HTTP_REDIRECTS, HTTP_URL_BYTES};

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
        for name in self.secret_headers.keys() {
            check_header(&format!("secret_headers.{name}"), name)?;
            if self.headers.keys().any(|other| other.eq_ignore_ascii_case(name)) {
                let problem = "is given among the headers already";
                return Err(error(format!("secret_headers.{name}"), problem));
            }
        }
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

/// RFC 9110, 5.6.2: a token.
fn check_header(field: &str, name: &str) -> Result<(), PayloadError> {
    let token = !name.is_empty()
        && name.len() <= 256
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if token {
        Ok(())
    } else {
        Err(error(field, "is not a header's name"))
    }
}
