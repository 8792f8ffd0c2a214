//! `postern job http`

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::Args;
use postern_protocol::{limits::HTTP_BODY_BYTES, payload::HttpRequest};

use super::{super::request::read_text, RunOptions};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Http {
    /// GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS, in any case
    method: String,
    /// http:// or https://, without a password in it
    url: String,
    /// `Name: value`; may be given several times
    #[arg(short = 'H', long = "header", value_name = "NAME:VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    /// A header whose value is a secret, by the secret's name; it is not sent on to another host
    #[arg(long = "secret-header", value_name = "NAME=SECRET", value_parser = parse_secret_header)]
    secret_headers: Vec<(String, String)>,
    /// Text to send; @FILE sends a file's, @- that of standard input
    #[arg(long, value_name = "TEXT|@FILE")]
    body: Option<String>,
    /// A status that is right; may be given several times [default: 200 to 299]
    #[arg(long = "expect", value_name = "STATUS")]
    expected_status: Vec<u16>,
    /// Trust the certificates in this PEM file beside the host's
    #[arg(long, value_name = "FILE")]
    extra_ca: Option<PathBuf>,
    /// Do not check the server's certificate; the result says so
    #[arg(long)]
    allow_invalid_certificate: bool,
    /// Follow so many redirects, 0 to 10, each checked like the first address [default: 0]
    #[arg(long, value_name = "N")]
    max_redirects: Option<u32>,
    /// Keep so much of the answer, up to 1 MiB [default: 65536]
    #[arg(long, value_name = "BYTES")]
    max_answer_bytes: Option<u32>,
    #[command(flatten)]
    pub(super) options: RunOptions,
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("give NAME:VALUE")?;
    Ok((name.to_owned(), value.trim().to_owned()))
}

fn parse_secret_header(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, secret)) if !secret.is_empty() => Ok((name.to_owned(), secret.to_owned())),
        _ => Err("give NAME=SECRET: a header's name, and the name of a secret".to_owned()),
    }
}

impl Http {
    pub(super) fn work(&self) -> Result<HttpRequest, Failure> {
        let body = match self.body.as_deref() {
            Some(text) => Some(match text.strip_prefix('@') {
                Some(file) => read(Path::new(file))?,
                None => text.to_owned(),
            }),
            None => None,
        };
        Ok(HttpRequest {
            method: self.method.to_ascii_uppercase(),
            url: self.url.clone(),
            headers: once(&self.headers)?,
            secret_headers: once(&self.secret_headers)?,
            body,
            expected_status: self.expected_status.clone(),
            allow_invalid_certificate: self.allow_invalid_certificate,
            extra_ca: self.extra_ca.as_deref().map(read).transpose()?,
            max_redirects: self.max_redirects,
            max_answer_bytes: self.max_answer_bytes,
        })
    }
}

fn once(pairs: &[(String, String)]) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    for (name, value) in pairs {
        if all.insert(name.clone(), value.clone()).is_some() {
            return Err(Failure::usage(format!("header {name:?} is given twice")));
        }
    }
    Ok(all)
}

fn read(path: &Path) -> Result<String, Failure> {
    read_text(path, HTTP_BODY_BYTES)
}
