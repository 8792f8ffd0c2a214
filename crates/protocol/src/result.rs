//! What a typed job found or did: shown as tables beside its raw output.
//!
//! It comes from a host, so nothing in it is trusted: text is shown as text, lists are bounded by their maker and
//! the whole by `limits::RESULT_BYTES`.

use serde::{Deserialize, Serialize};

use crate::payload::{DnsRecordType, NetworkProtocol, PackageManager};

/// Derives what every part of a result has.
macro_rules! result {
    ($($(#[$meta:meta])* pub $kind:ident $name:ident $body:tt)+) => {$(
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        $(#[$meta])*
        pub $kind $name $body
    )+};
}

result! {
    /// Commands and scripts have none: their output is all they say.
    #[serde(tag = "type", content = "result", rename_all = "snake_case")]
    pub enum JobResult {
        ServiceControl(ServiceResult),
        ProcessControl(ProcessResult),
        NetworkDiagnostic(NetworkResult),
        SoftwareInstall(SoftwareResult),
        UserControl(UserResult),
        GroupControl(GroupResult),
        HttpRequest(HttpResult),
    }

    pub struct ServiceResult {
        /// `systemd`, `openrc` or `sysv`.
        pub manager: String,
        pub service: String,
        pub before: ServiceState,
        pub after: ServiceState,
    }

    pub struct ServiceState {
        /// In the manager's own word: `active`, `inactive`, `failed`, …
        pub state: String,
        pub running: bool,
        /// Whether it starts with the system, where that can be told.
        pub enabled: Option<bool>,
        pub pid: Option<i32>,
    }

    pub struct ProcessResult {
        /// Those listed, or those that were signalled.
        pub processes: Vec<Process>,
        /// There were more than are listed.
        pub truncated: bool,
    }

    pub struct Process {
        pub pid: i32,
        pub parent: i32,
        pub name: String,
        pub user: String,
        pub command_line: String,
        pub memory_bytes: u64,
        /// `TERM` or `KILL`, when it was sent one.
        pub signal: Option<String>,
        /// Whether it was gone when the job ended; only of those that were signalled.
        pub gone: Option<bool>,
    }

    #[serde(tag = "tool", rename_all = "snake_case")]
    pub enum NetworkResult {
        Ping(PingResult),
        Traceroute(TraceResult),
        DnsLookup(DnsResult),
        Netstat(NetstatResult),
        PortCheck(PortsResult),
        HttpCheck(HttpCheckResult),
    }

    pub struct PingResult {
        pub host: String,
        pub address: String,
        pub sent: u32,
        pub received: u32,
        pub minimum_us: Option<u64>,
        pub average_us: Option<u64>,
        pub maximum_us: Option<u64>,
        pub replies: Vec<PingReply>,
    }

    pub struct PingReply {
        pub sequence: u32,
        pub ttl: Option<u32>,
        /// Absent when no answer came.
        pub time_us: Option<u64>,
    }

    pub struct TraceResult {
        pub host: String,
        pub address: String,
        pub hops: Vec<Hop>,
        /// Whether the host itself answered.
        pub reached: bool,
    }

    pub struct Hop {
        pub number: u32,
        /// Absent when nobody answered.
        pub address: Option<String>,
        pub time_us: Option<u64>,
    }

    pub struct DnsResult {
        pub name: String,
        pub record_type: DnsRecordType,
        /// Whom it asked.
        pub servers: Vec<String>,
        /// `NOERROR`, `NXDOMAIN`, `SERVFAIL`, …
        pub response_code: String,
        pub records: Vec<DnsRecord>,
        pub time_us: u64,
    }

    pub struct DnsRecord {
        pub name: String,
        #[serde(rename = "type")]
        pub kind: String,
        pub ttl: u32,
        pub value: String,
    }

    pub struct NetstatResult {
        pub sockets: Vec<Socket>,
        pub truncated: bool,
    }

    pub struct Socket {
        pub protocol: NetworkProtocol,
        /// `address:port`.
        pub local: String,
        pub remote: String,
        /// `LISTEN`, `ESTABLISHED`, …
        pub state: String,
        pub user: String,
        pub pid: Option<i32>,
        pub program: Option<String>,
    }

    pub struct PortsResult {
        pub host: String,
        pub address: String,
        pub ports: Vec<PortResult>,
    }

    pub struct PortResult {
        pub port: u16,
        pub protocol: NetworkProtocol,
        pub state: PortState,
        pub time_us: Option<u64>,
        /// What it says first, without control characters.
        pub banner: Option<String>,
        pub tls: Option<TlsInfo>,
        /// Why it is not open, or why TLS failed.
        pub problem: Option<String>,
    }

    #[derive(Copy)]
    #[serde(rename_all = "snake_case")]
    pub enum PortState {
        Open,
        /// Refused.
        Closed,
        /// No answer in time.
        Filtered,
        /// UDP: sent, and nothing said that it is closed.
        OpenOrFiltered,
    }

    /// What a TLS handshake showed; whether the certificate is trusted is a field, not a condition.
    pub struct TlsInfo {
        pub version: String,
        pub cipher: String,
        pub subject: String,
        pub issuer: String,
        pub names: Vec<String>,
        /// RFC 3339.
        pub not_before: String,
        pub not_after: String,
        /// Why the host's trust store refuses it.
        pub problem: Option<String>,
    }

    pub struct HttpCheckResult {
        pub url: String,
        pub status: Option<u16>,
        /// Until the answer's head was there.
        pub time_us: Option<u64>,
        pub server: Option<String>,
        pub content_type: Option<String>,
        pub tls: Option<TlsInfo>,
        pub problem: Option<String>,
    }

    pub struct SoftwareResult {
        pub manager: PackageManager,
        /// What changed; for `list`, what is installed.
        pub packages: Vec<PackageChange>,
        pub truncated: bool,
    }

    pub struct PackageChange {
        pub name: String,
        /// The version before; absent when it was not there.
        pub before: Option<String>,
        /// The version now; absent when it is gone.
        pub after: Option<String>,
    }

    pub struct UserResult {
        pub user: String,
        pub exists: bool,
        pub uid: Option<u32>,
        pub home: Option<String>,
        pub shell: Option<String>,
        pub groups: Vec<String>,
        /// Whether it can sign in with a password.
        pub enabled: Option<bool>,
        pub changed: bool,
    }

    pub struct GroupResult {
        pub group: String,
        pub exists: bool,
        pub gid: Option<u32>,
        pub members: Vec<String>,
        pub changed: bool,
    }

    pub struct HttpResult {
        pub method: String,
        /// The last address asked, after redirects.
        pub url: String,
        /// Those it was sent on from.
        pub redirects: Vec<String>,
        pub status: Option<u16>,
        pub headers: Vec<HttpHeader>,
        /// What is kept of the body, as text.
        pub body: String,
        pub body_bytes: u64,
        pub truncated: bool,
        /// Whether the server's certificate was checked; absent for plain HTTP.
        pub certificate_checked: Option<bool>,
        pub time_us: u64,
    }

    pub struct HttpHeader {
        pub name: String,
        pub value: String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_says_its_type_and_tool() {
        let text = r#"{"type":"network_diagnostic","result":{"tool":"traceroute","host":"h","address":"192.0.2.1","hops":[{"number":1,"address":null,"time_us":null}],"reached":false}}"#;
        let result: JobResult = serde_json::from_str(text).unwrap();
        let JobResult::NetworkDiagnostic(NetworkResult::Traceroute(trace)) = &result else {
            panic!("{result:?}");
        };
        assert_eq!(trace.hops[0].address, None);
        assert_eq!(serde_json::to_string(&result).unwrap(), text);
    }

    #[test]
    fn a_record_has_its_type_under_that_name() {
        let text = r#"{"name":"a.","type":"MX","ttl":60,"value":"10 b."}"#;
        let record: DnsRecord = serde_json::from_str(text).unwrap();
        assert_eq!((record.kind.as_str(), record.ttl), ("MX", 60));
        assert_eq!(serde_json::to_string(&record).unwrap(), text);
    }
}
