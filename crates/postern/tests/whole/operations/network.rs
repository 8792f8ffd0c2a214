//! `postern job network` and `postern job http`.

use std::{
    fs,
    net::{TcpListener, UdpSocket},
};

use serde_json::Value;

use super::{World, needs_root};
use crate::support::{NameServer, Nginx, silent_name_server};

#[test]
fn ports_are_open_or_closed() {
    let world = World::new();
    let open = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = open.local_addr().unwrap().port();
    let check = |world: &World| {
        let job = world.job(&["network", "port", "127.0.0.1", &port.to_string()]);
        job.done("network_diagnostic")["ports"][0].clone()
    };
    let found = check(&world);
    assert_eq!((&found["port"], &found["state"]), (&port.into(), &"open".into()));
    drop(open);
    let found = check(&world);
    assert_eq!(
        (&found["port"], &found["state"]),
        (&port.into(), &"closed".into())
    );
}

#[test]
fn names_are_looked_up_and_a_server_that_is_silent_is_told() {
    let world = World::new();
    let names = NameServer::start(world.home.path());
    let job = world.job(&["network", "dns", "web.test", "--server", &names.address]);
    let dns = job.done("network_diagnostic");
    assert_eq!(
        (&dns["tool"], &dns["response_code"]),
        (&"dns_lookup".into(), &"NOERROR".into())
    );
    assert_eq!(dns["records"][0]["value"], "192.0.2.7");
    let job = world.job(&["network", "dns", "nobody.test", "--server", &names.address]);
    assert_eq!(job.result("network_diagnostic")["response_code"], "NXDOMAIN");

    let (_silent, address) = silent_name_server();
    let job = world.job(&[
        "network", "dns", "web.test", "--server", &address, "--within", "1",
    ]);
    job.failed("no answer within 1 s");
    let dns = job.result("network_diagnostic");
    assert_eq!(
        (&dns["response_code"], &dns["servers"][0]),
        (&"TIMEOUT".into(), &address.into())
    );
}

#[test]
fn the_host_itself_is_reached_and_its_sockets_are_told() {
    if needs_root() {
        return;
    }
    let world = World::new();
    let job = world.job(&["network", "ping", "127.0.0.1", "--count", "2"]);
    let ping = job.done("network_diagnostic");
    assert_eq!(
        (&ping["sent"], &ping["received"]),
        (&2.into(), &2.into()),
        "{ping:#}"
    );
    let job = world.job(&["network", "traceroute", "127.0.0.1"]);
    assert_eq!(job.done("network_diagnostic")["reached"], true);
    let job = world.job(&["network", "ping", "no-such-host.invalid", "--count", "1"]);
    job.failed("no-such-host.invalid");

    let bound = UdpSocket::bind("127.0.0.1:0").unwrap();
    let local = bound.local_addr().unwrap().to_string();
    let job = world.job(&["network", "netstat", "--udp"]);
    let sockets = job.done("network_diagnostic")["sockets"].as_array().unwrap();
    let found = sockets
        .iter()
        .find(|socket| socket["local"] == local.as_str())
        .unwrap();
    assert_eq!(found["pid"], std::process::id(), "{found:#}");
}

#[test]
fn a_certificate_that_does_not_fit_is_told_with_the_names_it_has() {
    let world = World::new();
    let nginx = Nginx::start(world.home.path());
    let (ca, right, wrong) = (nginx.ca.to_str().unwrap(), nginx.https, nginx.mistaken);
    let [right, wrong] = [right, wrong].map(|port| format!("https://localhost:{port}/"));
    let job = world.job(&["http", "GET", &right, "--extra-ca", ca]);
    let answer = job.done("http_request");
    assert_eq!(
        (&answer["status"], &answer["body"]),
        (&200.into(), &"safe".into())
    );
    assert_eq!(answer["certificate_checked"], true);
    let job = world.job(&["http", "GET", &wrong, "--extra-ca", ca]);
    job.failed("it is not for localhost: it names other.test");
    // Without the authority nobody knows who signed it.
    world
        .job(&["http", "GET", &right])
        .failed("does not know its issuer");
    let job = world.job(&["http", "GET", &wrong, "--allow-invalid-certificate"]);
    assert_eq!(job.done("http_request")["certificate_checked"], false);

    let job = world.job(&["network", "http", &right]);
    job.failed("An authority for tests");
    let told = &job.result("network_diagnostic")["tls"];
    assert_eq!(told["names"][0], "localhost");
    let port = nginx.mistaken.to_string();
    let job = world.job(&["network", "port", "localhost", &port, "--tls"]);
    let found = &job.done("network_diagnostic")["ports"][0];
    assert_eq!(
        (&found["state"], &found["tls"]["names"][0]),
        (&"open".into(), &"other.test".into())
    );
    assert!(found["tls"]["problem"].is_string(), "{found:#}");
}

#[test]
fn a_redirect_leads_nowhere_the_hosts_owner_does_not_allow() {
    let world = World::new();
    let nginx = Nginx::start(world.home.path());
    let get = |path: &str| {
        let url = format!("http://127.0.0.1:{}/{path}", nginx.http);
        world.job(&["http", "GET", &url, "--max-redirects", "1"])
    };
    let rule = |text: &str| fs::write(world.home.join("policy.toml"), format!("[http]\n{text}\n")).unwrap();
    assert_eq!(get("near").done("http_request")["body"], "hello");
    // Refused without a word of the owner's.
    get("metadata").failed("169.254.169.254").failed("http.hosts");
    rule("ports = [1]");
    get("near").failed("http.ports");
    rule(&format!("hosts = ['127.0.0.1']\nports = [{}]", nginx.http));
    assert_eq!(get("near").done("http_request")["body"], "hello");
    get("other-port").failed("http.ports");
}

#[test]
fn an_answer_is_judged_by_its_status_and_a_secret_in_it_is_masked() {
    let world = World::new();
    let nginx = Nginx::start(world.home.path());
    let url = |path: &str| format!("http://127.0.0.1:{}/{path}", nginx.http);
    let job = world.job(&["http", "GET", &url("")]);
    let answer = job.done("http_request");
    assert_eq!(
        (&answer["status"], &answer["body"]),
        (&200.into(), &"hello".into())
    );
    assert_eq!(answer["certificate_checked"], Value::Null);
    let job = world.job(&["http", "GET", &url("broken")]);
    job.failed("503");
    assert_eq!(job.result("http_request")["body"], "broken");
    world
        .job(&["http", "GET", &url("broken"), "--expect", "503"])
        .done("http_request");
    world.job(&["network", "http", &url("broken")]).failed("503");
    let job = world.job(&["network", "http", &url("")]);
    assert_eq!(job.done("network_diagnostic")["status"], 200);

    let file = world.home.join("token");
    fs::write(&file, "t0ken-of-the-hook").unwrap();
    let secret = format!("token=@{}", file.display());
    let asked = ["--secret-header", "X-Token=token", "--secret", &secret];
    let echo = url("echo");
    let job = world.job(&[&["http", "GET", &echo], &asked[..]].concat());
    assert_eq!(job.done("http_request")["body"], "you said ***");
    assert!(!job.0.to_string().contains("t0ken"), "{:#}", job.0);
}
