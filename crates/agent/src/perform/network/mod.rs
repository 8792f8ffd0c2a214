//! `network_diagnostic`: questions to the network, asked by the agent itself; no other program is started.
//!
//! What counts as an answer completes the job, also when it is not the one that was hoped for:
//!
//! | Tool | Completed | Failed, with what was found beside it |
//! |---|---|---|
//! | ping | at least one answer | none |
//! | traceroute | somebody answered, the host or a router | nobody did |
//! | DNS | any response code, `NXDOMAIN` and `SERVFAIL` too | no server answered |
//! | netstat | always | – |
//! | port check | always: a closed port is a finding | – |
//! | HTTP check | the expected status, and a certificate to trust or an allowed one | anything else |
//!
//! A host that is not found is always a failure. Names are looked up as the host's other programs do, and the addresses
//! tried in that order.

#![allow(
    clippy::result_large_err,
    reason = "a failure carries what was found, and there is one in a process"
)]

mod check;
mod dns;
#[cfg(test)]
pub(in crate::perform) mod fixture;
pub(in crate::perform) mod host;
mod icmp;
#[cfg(test)]
mod namespace;
mod ping;
mod port;
mod sockets;
pub(in crate::perform) mod text;
pub(in crate::perform) mod tls;
mod trace;
mod wait;

use std::{future::Future, time::Duration};

use postern_protocol::{
    payload::{DnsRecordType, NetworkDiagnostic, NetworkProtocol},
    result::{JobResult, NetworkResult},
};

use self::{host::resolve, text::print, tls::Trust};
use super::{Context, Failed};

const PINGS: u32 = 4;
const HOPS: u32 = 30;
const ECHO_SECONDS: u32 = 2;
const DNS_SECONDS: u32 = 5;
const PORT_SECONDS: u32 = 3;
const HTTP_SECONDS: u32 = 10;

pub(super) fn perform(work: &NetworkDiagnostic, context: &Context) -> Result<JobResult, Failed> {
    run(work, context, &mut print)
}

/// `say` is given what people read, as soon as it is known.
fn run(work: &NetworkDiagnostic, context: &Context, say: &mut dyn FnMut(&str)) -> Result<JobResult, Failed> {
    match work {
        NetworkDiagnostic::Ping {
            host,
            count,
            wait_seconds,
        } => ping(
            host,
            count.unwrap_or(PINGS),
            seconds(*wait_seconds, ECHO_SECONDS),
            say,
        ),
        NetworkDiagnostic::Traceroute {
            host,
            max_hops,
            wait_seconds,
        } => trace(
            host,
            max_hops.unwrap_or(HOPS),
            seconds(*wait_seconds, ECHO_SECONDS),
            say,
        ),
        NetworkDiagnostic::DnsLookup {
            name,
            record_type,
            server,
            tcp,
            wait_seconds,
        } => dns(
            &dns::Question {
                name,
                record_type: record_type.unwrap_or(DnsRecordType::A),
                server: server.as_deref(),
                tcp: *tcp,
                wait: seconds(*wait_seconds, DNS_SECONDS),
            },
            say,
        ),
        NetworkDiagnostic::Netstat {
            protocol,
            listening_only,
        } => {
            let result = sockets::netstat(*protocol, *listening_only)
                .map_err(|error| failed(format!("the sockets of this host cannot be read: {error}")))?;
            say(&text::sockets(&result));
            Ok(done(NetworkResult::Netstat(result)))
        }
        NetworkDiagnostic::PortCheck {
            host,
            ports,
            protocol,
            tls,
            wait_seconds,
        } => ports_of(
            port::Check {
                host,
                ports,
                protocol: protocol.unwrap_or(NetworkProtocol::Tcp),
                wait: seconds(*wait_seconds, PORT_SECONDS),
            },
            *tls,
            say,
        ),
        NetworkDiagnostic::HttpCheck {
            url,
            expected_status,
            allow_invalid_certificate,
            wait_seconds,
        } => http(
            check::Check {
                url,
                expected_status: *expected_status,
                allow_invalid_certificate: *allow_invalid_certificate,
                wait: seconds(*wait_seconds, HTTP_SECONDS),
            },
            context,
            say,
        ),
    }
}

fn ping(host: &str, count: u32, wait: Duration, say: &mut dyn FnMut(&str)) -> Result<JobResult, Failed> {
    let addresses = resolve(host, 0).map_err(failed)?;
    let mut each = |reply: &_| say(&text::reply(reply));
    let pinged =
        ping::ping(host, &addresses, count, wait, &mut each).map_err(|error| failed(error.to_string()))?;
    let result = pinged.result;
    say(&text::pings(&result));
    if result.received > 0 {
        return Ok(done(NetworkResult::Ping(result)));
    }
    let cause = pinged
        .problem
        .map_or_else(String::new, |errno| format!(": {}", errno.desc().to_lowercase()));
    let reason = format!(
        "{host} ({}) answered none of {} pings{cause}",
        result.address, result.sent
    );
    Err(found(reason, NetworkResult::Ping(result)))
}

fn trace(host: &str, max_hops: u32, wait: Duration, say: &mut dyn FnMut(&str)) -> Result<JobResult, Failed> {
    let addresses = resolve(host, 0).map_err(failed)?;
    let mut each = |hop: &_| say(&text::hop(hop));
    let result = trace::trace(host, &addresses, max_hops, wait, &mut each)
        .map_err(|error| failed(error.to_string()))?;
    say(&text::trace(&result));
    if result.hops.iter().any(|hop| hop.address.is_some()) {
        return Ok(done(NetworkResult::Traceroute(result)));
    }
    let reason = format!("nobody answered on the way to {host} ({})", result.address);
    Err(found(reason, NetworkResult::Traceroute(result)))
}

fn dns(question: &dns::Question<'_>, say: &mut dyn FnMut(&str)) -> Result<JobResult, Failed> {
    match dns::look_up(question) {
        Ok(result) => {
            say(&text::records(&result));
            Ok(done(NetworkResult::DnsLookup(result)))
        }
        Err(unanswered) => Err(Failed {
            reason: unanswered.reason,
            result: unanswered
                .result
                .map(|result| done(NetworkResult::DnsLookup(result))),
        }),
    }
}

fn ports_of(check: port::Check<'_>, tls: bool, say: &mut dyn FnMut(&str)) -> Result<JobResult, Failed> {
    let addresses = resolve(check.host, 0).map_err(failed)?;
    let trust = (tls && check.protocol == NetworkProtocol::Tcp).then(Trust::of_host);
    let result = block_on(port::check(check, &addresses, trust.as_ref()))?;
    say(&text::ports(&result));
    Ok(done(NetworkResult::PortCheck(result)))
}

fn http(check: check::Check<'_>, context: &Context, say: &mut dyn FnMut(&str)) -> Result<JobResult, Failed> {
    let trust = Trust::of_host();
    let (result, outcome) = block_on(check::check(check, &context.policy.http, &trust))?;
    say(&text::http(&result));
    match outcome {
        Ok(()) => Ok(done(NetworkResult::HttpCheck(result))),
        Err(reason) => Err(found(reason, NetworkResult::HttpCheck(result))),
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failed> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map(|runtime| runtime.block_on(future))
        .map_err(|error| failed(format!("no connection can be made: {error}")))
}

fn seconds(given: Option<u32>, otherwise: u32) -> Duration {
    Duration::from_secs(given.unwrap_or(otherwise).into())
}

const fn done(result: NetworkResult) -> JobResult {
    JobResult::NetworkDiagnostic(result)
}

const fn failed(reason: String) -> Failed {
    Failed { reason, result: None }
}

const fn found(reason: String, result: NetworkResult) -> Failed {
    Failed {
        reason,
        result: Some(done(result)),
    }
}

#[cfg(test)]
mod tests;
