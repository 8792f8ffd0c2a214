//! One question to a name server, and exactly what it answered.
//!
//! The host's own resolver hides response codes, aliases and whom it asked, so the question is put here, in a message
//! of `hickory-proto`. The name is taken as complete: no search list is tried. Over UDP the question is sent a second
//! time at half of the wait; an answer that was cut is asked for again over TCP. Of the host's servers the next is
//! asked when one does not answer or says SERVFAIL.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use hickory_proto::{
    op::{Edns, Message, MessageType, Query, ResponseCode},
    rr::{Name, Record, RecordType},
};
use nix::poll::PollFlags;
use postern_protocol::{
    payload::DnsRecordType,
    result::{DnsRecord, DnsResult},
};

use super::{host::words, wait::ready};

const PORT: u16 = 53;
/// As the C library: no more servers than these are asked.
const SERVERS: usize = 3;
/// What servers may send in one datagram without risking fragments (DNS flag day 2020).
const DATAGRAM: u16 = 1232;
/// Kept of the records, as JSON: an answer has up to 64 KiB and grows when names are written out.
const RECORDS_BYTES: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) name: &'a str,
    pub(super) record_type: DnsRecordType,
    pub(super) server: Option<&'a str>,
    pub(super) tcp: bool,
    pub(super) wait: Duration,
}

/// Why there is no answer. The question itself can be wrong, or every server silent.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) reason: String,
    pub(super) result: Option<DnsResult>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("{}", words(.0))]
    Io(#[from] io::Error),
    #[error("its answer cannot be read: {0}")]
    Answer(String),
}

pub(super) fn look_up(question: &Question<'_>) -> Result<DnsResult, Unanswered> {
    let wrong = |reason| Unanswered { reason, result: None };
    let name = name(question.name, question.record_type).map_err(wrong)?;
    let servers = match question.server {
        Some(server) => vec![server_address(server).map_err(wrong)?],
        None => of_host(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default()),
    };
    let mut result = DnsResult {
        name: question.name.to_owned(),
        record_type: question.record_type,
        servers: Vec::new(),
        response_code: String::new(),
        records: Vec::new(),
        time_us: 0,
    };
    let query = Query::query(name, record_type(question.record_type));
    let mut problems = Vec::new();
    let mut answer = None;
    for server in servers {
        result.servers.push(server.to_string());
        let begin = Instant::now();
        let answered = ask(&query, server, question);
        result.time_us = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
        match answered {
            Ok(message) => {
                let failed = message.metadata.response_code == ResponseCode::ServFail;
                answer = Some(message);
                if !failed {
                    break;
                }
            }
            Err(error) => {
                result.response_code = match error {
                    Error::Timeout(_) => "TIMEOUT".to_owned(),
                    _ => "UNREACHABLE".to_owned(),
                };
                problems.push(format!("{server}: {error}"));
            }
        }
    }
    let Some(answer) = answer else {
        return Err(Unanswered {
            reason: format!("no name server answered: {}", problems.join("; ")),
            result: Some(result),
        });
    };
    result.response_code = format!("{:?}", answer.metadata.response_code).to_uppercase();
    result.records = records(&answer.answers);
    Ok(result)
}

/// `PTR` takes an address and asks for its name in `in-addr.arpa` or `ip6.arpa`.
fn name(text: &str, kind: DnsRecordType) -> Result<Name, String> {
    if kind == DnsRecordType::Ptr
        && let Ok(address) = text.parse::<IpAddr>()
    {
        return Ok(Name::from(address));
    }
    let mut name = Name::from_ascii(text).map_err(|error| format!("'{text}' is not a name: {error}"))?;
    name.set_fqdn(true);
    Ok(name)
}

fn record_type(kind: DnsRecordType) -> RecordType {
    match kind {
        DnsRecordType::A => RecordType::A,
        DnsRecordType::Aaaa => RecordType::AAAA,
        DnsRecordType::Cname => RecordType::CNAME,
        DnsRecordType::Mx => RecordType::MX,
        DnsRecordType::Ns => RecordType::NS,
        DnsRecordType::Txt => RecordType::TXT,
        DnsRecordType::Srv => RecordType::SRV,
        DnsRecordType::Soa => RecordType::SOA,
        DnsRecordType::Ptr => RecordType::PTR,
        DnsRecordType::Caa => RecordType::CAA,
    }
}

fn server_address(text: &str) -> Result<SocketAddr, String> {
    text.parse::<IpAddr>()
        .map(|address| SocketAddr::new(address, PORT))
        .or_else(|_| text.parse())
        .map_err(|_| format!("'{text}' is not the address of a name server"))
}

/// Those of `/etc/resolv.conf`; without any, the one on this host, as the C library does.
fn of_host(resolv_conf: &str) -> Vec<SocketAddr> {
    let mut servers: Vec<SocketAddr> = resolv_conf
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("nameserver")).then(|| words.next())?
        })
        .filter_map(|address| {
            let address = address.split('%').next()?;
            Some(SocketAddr::new(address.parse().ok()?, PORT))
        })
        .take(SERVERS)
        .collect();
    if servers.is_empty() {
        servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT));
    }
    servers
}

fn ask(query: &Query, server: SocketAddr, question: &Question<'_>) -> Result<Message, Error> {
    if question.tcp {
        return over_tcp(query, server, question.wait);
    }
    let answer = over_udp(query, server, question.wait)?;
    if answer.metadata.truncation {
        return over_tcp(query, server, question.wait);
    }
    Ok(answer)
}

/// A fresh number each time: it and the port are what a forger must guess.
fn message(query: &Query) -> Result<(u16, Vec<u8>), Error> {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(query.clone());
    let mut edns = Edns::new();
    edns.set_max_payload(DATAGRAM);
    message.set_edns(edns);
    let bytes = message
        .to_vec()
        .map_err(|error| Error::Answer(error.to_string()))?;
    Ok((message.metadata.id, bytes))
}

fn over_udp(query: &Query, server: SocketAddr, wait: Duration) -> Result<Message, Error> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    socket.set_nonblocking(true)?;
    let (id, bytes) = message(query)?;
    let begin = Instant::now();
    for until in [wait / 2, wait] {
        socket.send(&bytes)?;
        while let Some(rest) = until.checked_sub(begin.elapsed()) {
            if ready(socket.as_fd(), PollFlags::POLLIN, rest)
                .map_err(io::Error::from)?
                .is_empty()
            {
                break;
            }
            let mut buffer = [0; 4096];
            let length = match socket.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            // What does not answer this question is somebody else's, or a forger's: wait on.
            if let Ok(answer) = read(buffer.get(..length).unwrap_or_default(), id, query) {
                return Ok(answer);
            }
        }
    }
    Err(Error::Timeout(wait))
}

/// The limit holds for connecting and for each piece; a server that drips is cut off by the job's own timeout.
fn over_tcp(query: &Query, server: SocketAddr, wait: Duration) -> Result<Message, Error> {
    let in_time = |error: io::Error| match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Error::Timeout(wait),
        io::ErrorKind::UnexpectedEof => Error::Answer("the connection was closed in the middle".to_owned()),
        _ => Error::Io(error),
    };
    let mut stream = TcpStream::connect_timeout(&server, wait).map_err(in_time)?;
    stream.set_read_timeout(Some(wait))?;
    stream.set_write_timeout(Some(wait))?;
    let (id, bytes) = message(query)?;
    let length =
        u16::try_from(bytes.len()).map_err(|_| Error::Answer("the question is too long".to_owned()))?;
    stream
        .write_all(&[&length.to_be_bytes()[..], &bytes].concat())
        .map_err(in_time)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length).map_err(in_time)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer).map_err(in_time)?;
    read(&answer, id, query)
}

fn read(bytes: &[u8], id: u16, query: &Query) -> Result<Message, Error> {
    let answer = Message::from_vec(bytes).map_err(|error| Error::Answer(error.to_string()))?;
    let asked = |other: &Query| {
        other.query_type() == query.query_type() && other.name().to_lowercase() == query.name().to_lowercase()
    };
    // Some servers leave the question out when they refuse it.
    let ours = answer.metadata.id == id
        && answer.metadata.message_type == MessageType::Response
        && answer.queries.iter().all(asked);
    if ours {
        Ok(answer)
    } else {
        Err(Error::Answer("it answers another question".to_owned()))
    }
}

fn records(answers: &[Record]) -> Vec<DnsRecord> {
    let mut room = RECORDS_BYTES;
    let mut records = Vec::new();
    for record in answers {
        let record = DnsRecord {
            name: record.name.to_string(),
            kind: record.record_type().to_string(),
            ttl: record.ttl,
            value: record.data.to_string(),
        };
        let bytes = serde_json::to_string(&record).map_or(usize::MAX, |text| text.len());
        room = match room.checked_sub(bytes) {
            Some(room) => room,
            None => break,
        };
        records.push(record);
    }
    records
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::perform::network::fixture::{NameServer, free_port};

    fn question<'a>(name: &'a str, record_type: DnsRecordType, server: &'a str) -> Question<'a> {
        Question {
            name,
            record_type,
            server: Some(server),
            tcp: false,
            wait: Duration::from_secs(5),
        }
    }

    fn values(result: &DnsResult) -> Vec<(&str, &str)> {
        result
            .records
            .iter()
            .map(|record| (record.kind.as_str(), record.value.as_str()))
            .collect()
    }

    #[test]
    fn each_kind_of_record_is_found() {
        let server = NameServer::start();
        let address = server.address();
        for (name, kind, expected) in [
            ("web.test", DnsRecordType::A, ("A", "192.0.2.7")),
            ("WEB.test.", DnsRecordType::Aaaa, ("AAAA", "2001:db8::7")),
            ("mail.test", DnsRecordType::Mx, ("MX", "10 mx.test.")),
            ("text.test", DnsRecordType::Txt, ("TXT", "hello world")),
            (
                "_http._tcp.test",
                DnsRecordType::Srv,
                ("SRV", "5 9 8080 web.test."),
            ),
            ("192.0.2.7", DnsRecordType::Ptr, ("PTR", "web.test.")),
            ("2001:db8::7", DnsRecordType::Ptr, ("PTR", "web.test.")),
            ("issue.test", DnsRecordType::Caa, ("CAA", "0 issue \"ca.test\"")),
        ] {
            let result = look_up(&question(name, kind, &address)).unwrap();
            assert_eq!(
                (result.response_code.as_str(), values(&result)),
                ("NOERROR", vec![expected]),
                "{name}"
            );
            assert_eq!(result.servers, std::slice::from_ref(&address));
        }
    }

    #[test]
    fn an_alias_is_shown_with_what_it_leads_to() {
        let server = NameServer::start();
        let result = look_up(&question("alias.test", DnsRecordType::A, &server.address())).unwrap();
        assert_eq!(values(&result), [("CNAME", "web.test."), ("A", "192.0.2.7")]);
    }

    #[test]
    fn a_name_that_is_not_there_is_an_answer() {
        let server = NameServer::start();
        let result = look_up(&question("nobody.test", DnsRecordType::A, &server.address())).unwrap();
        assert_eq!(
            (result.response_code.as_str(), result.records.len()),
            ("NXDOMAIN", 0)
        );
    }

    /// dnsmasq never says SERVFAIL of itself.
    #[test]
    fn a_stand_in_that_says_servfail_is_heard_and_a_forger_before_it_is_not() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap().to_string();
        let stand_in = std::thread::spawn(move || {
            let mut buffer = [0; 512];
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            let mut answer = Message::from_vec(&buffer[..length]).unwrap();
            answer.metadata.message_type = MessageType::Response;
            let mut forged = answer.clone();
            forged.metadata.id = answer.metadata.id.wrapping_add(1);
            server.send_to(&forged.to_vec().unwrap(), from).unwrap();
            answer.metadata.response_code = ResponseCode::ServFail;
            server.send_to(&answer.to_vec().unwrap(), from).unwrap();
        });
        let result = look_up(&question("web.test", DnsRecordType::A, &address)).unwrap();
        stand_in.join().unwrap();
        assert_eq!(result.response_code, "SERVFAIL");
    }

    #[test]
    fn a_server_that_refuses_says_so() {
        let server = NameServer::start();
        let result = look_up(&question(
            "elsewhere.example",
            DnsRecordType::A,
            &server.address(),
        ))
        .unwrap();
        assert_eq!(result.response_code, "REFUSED");
    }

    #[test]
    fn tcp_is_used_when_asked_for_and_when_an_answer_was_cut() {
        let server = NameServer::start();
        let address = server.address();
        let over_tcp = Question {
            tcp: true,
            ..question("web.test", DnsRecordType::A, &address)
        };
        assert_eq!(values(&look_up(&over_tcp).unwrap()), [("A", "192.0.2.7")]);
        // Twenty times 200 bytes do not fit into a datagram.
        let long = look_up(&question("long.test", DnsRecordType::Txt, &address)).unwrap();
        assert_eq!(long.records.len(), 20);
    }

    #[test]
    fn a_silent_server_is_a_timeout_with_whom_it_asked() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap().to_string();
        let unanswered = look_up(&Question {
            wait: Duration::from_secs(1),
            ..question("web.test", DnsRecordType::A, &address)
        })
        .unwrap_err();
        assert_eq!(
            unanswered.reason,
            format!("no name server answered: {address}: no answer within 1 s")
        );
        let result = unanswered.result.unwrap();
        assert_eq!(
            (result.response_code.as_str(), result.servers),
            ("TIMEOUT", vec![address])
        );
    }

    #[test]
    fn a_port_without_a_server_is_told_apart_from_silence() {
        let gone = format!("127.0.0.1:{}", free_port());
        let unanswered = look_up(&question("web.test", DnsRecordType::A, &gone)).unwrap_err();
        assert!(
            unanswered.reason.ends_with("connection refused"),
            "{}",
            unanswered.reason
        );
    }

    #[test]
    fn the_hosts_servers_come_from_its_file() {
        let text = "# comment\nsearch x\nnameserver 192.0.2.1\nnameserver\nnameserver fe80::1%eth0\nnameserver no\n\
                    nameserver 192.0.2.3\nnameserver 192.0.2.4";
        let servers: Vec<String> = of_host(text).iter().map(SocketAddr::to_string).collect();
        assert_eq!(servers, ["192.0.2.1:53", "[fe80::1]:53", "192.0.2.3:53"]);
        assert_eq!(of_host("").len(), 1);
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        let query = Query::query(name("web.test", DnsRecordType::A).unwrap(), RecordType::A);
        let (id, bytes) = message(&query).unwrap();
        assert!(read(&bytes, id, &query).is_err(), "a question is no answer");
        let mut answer = Message::from_vec(&bytes).unwrap();
        answer.metadata.message_type = MessageType::Response;
        let bytes = answer.to_vec().unwrap();
        assert!(read(&bytes, id, &query).is_ok());
        assert!(read(&bytes, id.wrapping_add(1), &query).is_err());
        let other = Query::query(name("other.test", DnsRecordType::A).unwrap(), RecordType::A);
        assert!(read(&bytes, id, &other).is_err());
    }

    /// An answer with a record of each kind that has a shape of its own.
    fn full_answer(query: &Query) -> (u16, Vec<u8>) {
        use hickory_proto::rr::{RData, rdata};
        let mut answer = Message::query();
        answer.metadata.message_type = MessageType::Response;
        answer.add_query(query.clone());
        let name = query.name().clone();
        for data in [
            RData::A(rdata::A::new(192, 0, 2, 7)),
            RData::MX(rdata::MX::new(10, name.clone())),
            RData::TXT(rdata::TXT::new(vec!["a\0b".to_owned(), "c".repeat(200)])),
            RData::SRV(rdata::SRV::new(1, 2, 3, name.clone())),
            RData::CNAME(rdata::CNAME(name.clone())),
        ] {
            answer.add_answer(Record::from_rdata(name.clone(), 60, data));
        }
        (answer.metadata.id, answer.to_vec().unwrap())
    }

    proptest! {
        #[test]
        fn no_damaged_answer_makes_it_panic(
            damage in prop::collection::vec((0_usize..400, any::<u8>()), 1..6), end in 0_usize..400,
        ) {
            let query = Query::query(name("web.test", DnsRecordType::A).unwrap(), RecordType::A);
            let (id, mut bytes) = full_answer(&query);
            for (at, byte) in damage {
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            bytes.truncate(end.max(12));
            if let Ok(answer) = read(&bytes, id, &query) {
                let _ = records(&answer.answers);
            }
        }

        #[test]
        fn no_answer_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,100}") {
            let query = Query::query(Name::root(), RecordType::A);
            let id = bytes.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
            if let Ok(answer) = read(&bytes, id, &query) {
                let _ = records(&answer.answers);
            }
            let _ = name(&text, DnsRecordType::A);
            let _ = of_host(&text);
        }
    }
}
