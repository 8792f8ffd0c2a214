//! What a step prints goes into calls to other systems as it is: one part of a path, one value of a query, one header, one
//! text of a body. What is compared is what came over the wire.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use postern_domain::workflow::engine::{InstanceState, Outcome};
use serde_json::{Map, Value, json};

use super::World;
use crate::{injection::payloads::payloads, support::LIMIT};

/// Values in one call, each of them twice in its address.
const AT_ONCE: usize = 45;
/// Bytes that they may take there: an address has 8 KiB at most.
const ADDRESS: usize = 7_000;
/// Longer ones do not fit.
const LONGEST: usize = 1_000;
/// Values in one instance where each has a call of its own, in one of twenty branches.
const CALLS: usize = 18;
/// Ways out of the place that a value has.
const HOSTILE: [&str; 22] = [
    "../../admin",
    "..;/admin",
    "%2e%2e",
    "%2e%2e%2fadmin",
    "%252e%252e",
    "\\..\\..\\admin",
    "a/b",
    "//evil.test/",
    "@evil.test/",
    "evil.test:80",
    "?admin=1",
    "&admin=1",
    "1;admin=1",
    "=1&=",
    "#admin",
    " HTTP/1.1\r\nHost: evil.test\r\n\r\n",
    "x\r\nX-Admin: 1",
    "x\nX-Admin: 1",
    "x\rX-Admin: 1",
    "x\r\nContent-Length: 0\r\n\r\nGET /admin HTTP/1.1\r\nHost: evil.test\r\n\r\n",
    "\",\"admin\":true,\"x\":\"",
    "\"]}\u{0}",
];
/// Parts of a path that no encoding makes a name: they lead elsewhere.
const ELSEWHERE: [&str; 2] = [".", ".."];

/// Takes every request as it comes, and answers that there is nothing to say.
struct Receiver {
    port: u16,
    taken: Arc<Mutex<Vec<Vec<u8>>>>,
    ended: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let ended = Arc::<AtomicBool>::default();
        let (taking, ending) = (taken.clone(), ended.clone());
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ending.load(Ordering::Relaxed) {
                    return;
                }
                let request = stream.and_then(answered).unwrap();
                taking
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(request);
            }
        });
        Self {
            port,
            taken,
            ended,
            accepting: Some(accepting),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn requests(&self) -> Vec<Request> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.iter().map(|bytes| Request::read(bytes)).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the accepting thread.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// All that came up to the end that the request itself tells.
fn answered(mut stream: TcpStream) -> std::io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(LIMIT))?;
    let (mut request, mut buffer) = (Vec::new(), [0; 8192]);
    while !is_whole(&request) {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&buffer[..read]);
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")?;
    Ok(request)
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&request[..end]);
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    request.len() >= end + 4 + length
}

#[derive(Debug)]
struct Request {
    /// Its first line.
    line: String,
    /// Sorted.
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    fn read(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap().to_owned();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        };
        let mut headers: Vec<(String, String)> = lines.map(header).collect();
        headers.sort();
        Self {
            line,
            headers,
            body: body.to_owned(),
        }
    }

    /// Those that every call has, and these; none of them twice.
    fn assert_headers(&self, port: u16, more: Vec<(String, String)>) {
        let mut expected = vec![
            ("accept".to_owned(), "*/*".to_owned()),
            ("content-length".to_owned(), self.body.len().to_string()),
            ("host".to_owned(), format!("127.0.0.1:{port}")),
            (
                "user-agent".to_owned(),
                concat!("postern-agent/", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
        ];
        expected.extend(more);
        expected.sort();
        assert_eq!(self.headers, expected);
    }
}

/// What a part of an address stands for. As it is written there, nothing in it means anything to whoever takes the address
/// apart: RFC 3986, 2.3.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits: Vec<u8> = rest.by_ref().take(2).collect();
            let digits = std::str::from_utf8(&digits).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            continue;
        }
        assert!(
            byte.is_ascii_alphanumeric() || b"-._~".contains(&byte),
            "{part:?}"
        );
        bytes.push(byte);
    }
    String::from_utf8(bytes).unwrap()
}

fn path(number: usize) -> String {
    format!("{{{{step_say.json.p{number}}}}}")
}

/// What no header can hold.
fn is_refused_in_headers(value: &str) -> bool {
    value.chars().any(|letter| letter.is_control() && letter != '\t')
}

/// Several hundred, without those that are no name in a path.
fn values(world: &World) -> Vec<String> {
    let canary = world.home.join("canary");
    let mut all = payloads(canary.to_str().unwrap());
    all.retain(|value| value.len() <= LONGEST && !ELSEWHERE.contains(&value.as_str()));
    all.extend(HOSTILE.map(str::to_owned));
    assert!(all.len() >= 200, "{}", all.len());
    all
}

/// As many together as one address holds.
fn rounds(values: Vec<String>) -> Vec<Vec<String>> {
    let mut rounds: Vec<Vec<String>> = Vec::new();
    let mut room = 0;
    for value in values {
        let plain = value.bytes().filter(u8::is_ascii_alphanumeric).count();
        let takes = 2 * (plain + 3 * (value.len() - plain)) + "/&q00=".len();
        match rounds.last_mut() {
            Some(round) if round.len() < AT_ONCE && takes <= room => round.push(value),
            _ => {
                rounds.push(vec![value]);
                room = ADDRESS;
            }
        }
        room -= takes;
    }
    rounds
}

/// Writes what `say` says, and returns its step.
fn say(world: &World, name: &str, values: &[String]) -> Value {
    let file = world.home.join(name);
    fs::write(&file, said(values)).unwrap();
    json!({"id": "say", "type": "command", "argv": ["cat", file]})
}

fn said(values: &[String]) -> String {
    let named: Map<String, Value> = values
        .iter()
        .enumerate()
        .map(|(number, value)| (format!("p{number}"), json!(value)))
        .collect();
    Value::Object(named).to_string()
}

/// One call with all of the values in each place that takes one, and one whose body is what was said.
fn steps(world: &World, receiver: &Receiver, round: usize, values: &[String]) -> Value {
    let numbers = 0..values.len();
    let parts: Vec<String> = numbers.clone().map(path).collect();
    let query: Vec<String> = numbers
        .clone()
        .map(|number| format!("q{number}={}", path(number)))
        .collect();
    let headers: Map<String, Value> = numbers
        .clone()
        .filter(|number| !is_refused_in_headers(&values[*number]))
        .map(|number| (format!("x-p{number}"), json!(path(number))))
        .collect();
    let body: Map<String, Value> = numbers
        .map(|number| {
            let inside = format!("<{}>", path(number));
            (format!("p{number}"), json!([path(number), { "inside": inside }]))
        })
        .collect();
    let url = receiver.url(&format!(
        "call{round}/{}/end?{}&end=1",
        parts.join("/"),
        query.join("&")
    ));
    json!([
        say(world, &format!("said{round}"), values),
        {"id": "call", "type": "http_request", "method": "POST", "url": url, "headers": headers, "json": body},
        {"id": "raw", "type": "http_request", "method": "PUT", "url": receiver.url(&format!("raw{round}")),
         "body": "{{step_say.stdout}}"},
    ])
}

/// Each value is whole in each place, and in no other.
fn assert_call(request: &Request, port: u16, values: &[String]) {
    let target = request
        .line
        .strip_prefix("POST /")
        .and_then(|rest| rest.strip_suffix(" HTTP/1.1"));
    let (place, query) = target.unwrap().split_once('?').unwrap();
    // Behind the part that names the round.
    let parts: Vec<String> = place.split('/').skip(1).map(decoded).collect();
    assert_eq!(parts, [values, &["end".to_owned()]].concat());
    let pairs = query.split('&').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), decoded(value))
    });
    let named = values
        .iter()
        .enumerate()
        .map(|(number, value)| (format!("q{number}"), value.clone()));
    let expected: Vec<(String, String)> = named.chain([("end".into(), "1".into())]).collect();
    assert_eq!(pairs.collect::<Vec<_>>(), expected);

    let headers = values
        .iter()
        .enumerate()
        .filter(|(_, value)| !is_refused_in_headers(value))
        .map(|(number, value)| (format!("x-p{number}"), value.clone()))
        .chain([("content-type".into(), "application/json".into())]);
    request.assert_headers(port, headers.collect());

    let body: Map<String, Value> = values
        .iter()
        .enumerate()
        .map(|(number, value)| {
            let inside = format!("<{value}>");
            (format!("p{number}"), json!([value, { "inside": inside }]))
        })
        .collect();
    let sent: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(sent, Value::Object(body));
}

#[test]
fn what_a_step_prints_stays_in_its_place_in_a_call() {
    let world = World::new();
    let receiver = Receiver::start();
    let all = values(&world);
    let count = all.len();
    let rounds = rounds(all);
    let begun: Vec<_> = rounds
        .iter()
        .enumerate()
        .map(|(round, values)| {
            let steps = steps(&world, &receiver, round, values);
            let definition = json!({"hosts": {"agents": ["one"]}, "steps": steps});
            world.start(&format!("call{round}"), &definition, &Map::new())
        })
        .collect();
    for id in begun {
        world.until(id, InstanceState::Completed);
    }

    let requests = receiver.requests();
    assert_eq!(requests.len(), 2 * rounds.len(), "no request besides");
    let one = |begin: &str| {
        let mut found = requests.iter().filter(|request| request.line.starts_with(begin));
        let first = found.next().unwrap_or_else(|| panic!("no {begin}"));
        assert_eq!(found.count(), 0, "{begin}");
        first
    };
    for (round, values) in rounds.iter().enumerate() {
        assert_call(one(&format!("POST /call{round}/")), receiver.port, values);
        let raw = one(&format!("PUT /raw{round} "));
        assert_eq!(raw.line, format!("PUT /raw{round} HTTP/1.1"));
        assert_eq!(raw.body, said(values));
        raw.assert_headers(receiver.port, Vec::new());
    }
    assert!(!world.home.join("canary").exists(), "none of them acted");
    println!("{count} values in {} calls", requests.len());
}

/// Every call that has one of these values in this place fails for this reason, and is not made.
fn assert_refused(world: &World, name: &str, values: &[String], call: impl Fn(&str) -> Value, reason: &str) {
    let mut begun = Vec::new();
    for (round, values) in values.chunks(CALLS).enumerate() {
        let calls = (0..values.len()).map(|number| {
            let mut step = call(&path(number));
            step["id"] = json!(format!("call{number}"));
            step["type"] = json!("http_request");
            json!([step])
        });
        // There are two branches at least.
        let rest = json!([{"id": "rest", "type": "delay", "seconds": 1}]);
        let branches: Vec<Value> = calls.chain([rest]).collect();
        let name = format!("{name}{round}");
        let steps =
            json!([say(world, &name, values), {"id": "calls", "type": "parallel", "branches": branches}]);
        let definition = json!({"hosts": {"agents": ["one"]}, "steps": steps});
        begun.push((world.start(&name, &definition, &Map::new()), values));
    }
    for (id, values) in begun {
        let detail = world.until(id, InstanceState::Failed);
        for (number, value) in values.iter().enumerate() {
            let step = format!("call{number}");
            let run = detail.runs.iter().find(|run| run.step == step).unwrap();
            let told = run.reason.as_deref().unwrap_or_default();
            assert!(told.contains(reason), "{value:?}: {told}");
            assert_eq!(
                (run.outcome, run.execution_id),
                (Some(Outcome::Failed), None),
                "{value:?}"
            );
        }
    }
}

#[test]
fn what_would_lead_out_of_its_place_in_a_call_fails_the_step() {
    let world = World::new();
    let receiver = Receiver::start();
    let mut refused = values(&world);
    refused.retain(|value| is_refused_in_headers(value));
    assert!(refused.len() >= 100, "{}", refused.len());
    let in_header = |value: &str| json!({"url": receiver.url(""), "headers": {"x-value": value}});
    assert_refused(
        &world,
        "header",
        &refused,
        in_header,
        "headers.x-value: must have at most 8192 bytes and no control characters",
    );
    let in_path = |value: &str| json!({"url": receiver.url(&format!("a/{value}/b"))});
    let elsewhere = "url: a value makes a part of the path . or ..";
    assert_refused(&world, "path", &ELSEWHERE.map(str::to_owned), in_path, elsewhere);
    let behind_a_dot = |value: &str| json!({"url": receiver.url(&format!("a/%2e{value}/b"))});
    assert_refused(&world, "dot", &[".".to_owned()], behind_a_dot, elsewhere);
    let behind_a_backslash = |value: &str| json!({"url": receiver.url(&format!("x/a\\{value}/b"))});
    assert_refused(
        &world,
        "backslash",
        &["..".to_owned()],
        behind_a_backslash,
        elsewhere,
    );
    assert!(receiver.requests().is_empty());
    println!(
        "{} values that a call does not take",
        refused.len() + ELSEWHERE.len()
    );
}
