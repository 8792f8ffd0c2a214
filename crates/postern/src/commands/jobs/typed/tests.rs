use clap::Parser;
use serde_json::{Value, json};

use super::*;

#[derive(Debug, Parser)]
#[command(name = "job")]
struct Line {
    #[command(subcommand)]
    command: TypedCommand,
}

/// The job's payload as the API gets it, or why there is none.
fn read(line: &str) -> Result<(String, Value), String> {
    read_words(&line.split(' ').collect::<Vec<_>>())
}

fn read_words(line: &[&str]) -> Result<(String, Value), String> {
    let line = ["job"].iter().chain(line).chain(&["--agent", "web1"]);
    let command = Line::try_parse_from(line)
        .map_err(|error| error.to_string())?
        .command;
    let work = command.work().map_err(|failure| failure.lines().join("\n"))?;
    work.check().map_err(|error| error.to_string())?;
    let whole = serde_json::to_value(&work).map_err(|error| error.to_string())?;
    Ok((work.kind().as_str().to_owned(), whole["payload"].clone()))
}

fn check(line: &str, kind: &str, expected: &Value) {
    let (read_kind, payload) = read(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    assert_eq!((read_kind.as_str(), &payload), (kind, expected), "{line}");
}

fn refused(line: &str, expected: &str) {
    let error = read(line).expect_err(line);
    assert!(error.contains(expected), "{line}: {error}");
}

#[test]
fn services() {
    for action in [
        "start", "stop", "restart", "reload", "enable", "disable", "status",
    ] {
        let expected = json!({"action": action, "service": "nginx"});
        check(&format!("service {action} nginx"), "service_control", &expected);
    }
    refused("service mask nginx", "restart");
    refused("service restart", "<NAME>");
    refused("service stop ../x", "service: ");
}

#[test]
fn processes() {
    const KIND: &str = "process_control";
    check("process list", KIND, &json!({"action": "list"}));
    check("process kill --pid 7", KIND, &json!({"action": "kill", "pid": 7}));
    check(
        "process force-kill --name stuck --user www-data",
        KIND,
        &json!({"action": "force_kill", "name": "stuck", "user": "www-data"}),
    );
    refused("process kill", "give a pid or an exact name");
    refused("process kill --pid 1", "never ended");
    refused("process force_kill --pid 7", "force-kill");
}

#[test]
fn network_tools() {
    const KIND: &str = "network_diagnostic";
    check("network ping db1", KIND, &json!({"tool": "ping", "host": "db1"}));
    check(
        "network ping db1 --count 2 --within 3s",
        KIND,
        &json!({"tool": "ping", "host": "db1", "count": 2, "wait_seconds": 3}),
    );
    check(
        "network traceroute db1 --max-hops 5",
        KIND,
        &json!({"tool": "traceroute", "host": "db1", "max_hops": 5}),
    );
    check(
        "network dns a.test --type mx --server 192.0.2.1:5353 --tcp",
        KIND,
        &json!({"tool": "dns_lookup", "name": "a.test", "record_type": "MX", "server": "192.0.2.1:5353", "tcp": true}),
    );
    check("network netstat", KIND, &json!({"tool": "netstat"}));
    check(
        "network netstat --udp --listening",
        KIND,
        &json!({"tool": "netstat", "protocol": "udp", "listening_only": true}),
    );
    check(
        "network port db1 22,80 443 --tls",
        KIND,
        &json!({"tool": "port_check", "host": "db1", "ports": [22, 80, 443], "tls": true}),
    );
    check(
        "network port db1 53 --udp",
        KIND,
        &json!({"tool": "port_check", "host": "db1", "ports": [53], "protocol": "udp"}),
    );
    check(
        "network http https://a/ --expect 301 --allow-invalid-certificate",
        KIND,
        &json!({"tool": "http_check", "url": "https://a/", "expected_status": 301, "allow_invalid_certificate": true}),
    );
}

#[test]
fn questions_to_the_network_that_make_no_sense() {
    refused("network ping", "<HOST>");
    refused("network ping db1 --count 101", "count: ");
    refused("network ping db1 --within 2m", "wait_seconds: ");
    refused("network dns a.test --type ANY", "CNAME");
    refused("network dns a.test --server dns1", "server: ");
    refused("network netstat --tcp --udp", "cannot be used");
    refused("network port db1", "<PORT>");
    refused("network port db1 70000", "70000");
    refused("network port db1 53 --udp --tls", "cannot be used");
    refused("network http ftp://a/", "url: ");
}

#[test]
fn software() {
    const KIND: &str = "software_install";
    check(
        "software install nginx curl=7.88.1-10 --refresh --manager apt",
        KIND,
        &json!({
            "action": "install",
            "packages": [{"name": "nginx"}, {"name": "curl", "version": "7.88.1-10"}],
            "manager": "apt",
            "refresh": true,
        }),
    );
    check("software upgrade", KIND, &json!({"action": "upgrade"}));
    check("software list", KIND, &json!({"action": "list"}));
    check(
        "software remove nginx",
        KIND,
        &json!({"action": "remove", "packages": [{"name": "nginx"}]}),
    );
    refused("software install", "name at least one");
    refused("software install nginx=", "NAME=VERSION");
    refused(
        "software remove nginx=1",
        "only install and upgrade take a version",
    );
    refused("software install nginx --manager pip", "apt");
}

#[test]
fn users() {
    const KIND: &str = "user_control";
    let (_, payload) = read_words(&[
        "user",
        "create",
        "anna",
        "--full-name",
        "Anna B",
        "--home",
        "/srv/anna",
        "--shell",
        "/bin/sh",
        "--member-of",
        "web",
        "--member-of",
        "ops",
        "--system",
        "--set-password",
    ])
    .unwrap();
    assert_eq!(
        payload,
        json!({
            "action": "create", "user": "anna", "full_name": "Anna B", "home": "/srv/anna", "shell": "/bin/sh",
            "groups": ["web", "ops"], "system": true, "set_password": true,
        })
    );
    check(
        "user delete anna --remove-home --force",
        KIND,
        &json!({"action": "delete", "user": "anna", "remove_home": true, "force": true}),
    );
    check(
        "user enable anna",
        KIND,
        &json!({"action": "enable", "user": "anna"}),
    );
    check(
        "user disable anna",
        KIND,
        &json!({"action": "disable", "user": "anna"}),
    );
    check(
        "user reset-password anna",
        KIND,
        &json!({"action": "reset_password", "user": "anna"}),
    );
    refused("user disable anna --remove-home", "--remove-home");
    refused("user create -x", "-x");
    refused("user create a:b", "user: ");
}

#[test]
fn groups() {
    const KIND: &str = "group_control";
    check(
        "group create web anna --system",
        KIND,
        &json!({"action": "create", "group": "web", "members": ["anna"], "system": true}),
    );
    check(
        "group delete web",
        KIND,
        &json!({"action": "delete", "group": "web"}),
    );
    check(
        "group add web anna ben",
        KIND,
        &json!({"action": "add_members", "group": "web", "members": ["anna", "ben"]}),
    );
    check(
        "group remove web ben --force",
        KIND,
        &json!({"action": "remove_members", "group": "web", "members": ["ben"], "force": true}),
    );
    refused("group add web", "name at least one user");
    refused("group delete web anna", "members: ");
}

#[test]
fn http_requests() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let body = format!("@{}", file("event.json", "{\"ü\":1}\n"));
    let ca = file("ca.pem", "-----BEGIN CERTIFICATE-----\n");
    let (kind, payload) = read_words(&[
        "http",
        "post",
        "https://a/hooks",
        "-H",
        "Content-Type: application/json",
        "--header",
        "X-A:b:c",
        "--secret-header",
        "Authorization=token",
        "--body",
        &body,
        "--expect",
        "201",
        "--expect",
        "409",
        "--extra-ca",
        &ca,
        "--max-redirects",
        "3",
        "--max-answer-bytes",
        "1000",
    ])
    .unwrap();
    assert_eq!(kind, "http_request");
    assert_eq!(
        payload,
        json!({
            "method": "POST", "url": "https://a/hooks",
            "headers": {"Content-Type": "application/json", "X-A": "b:c"},
            "secret_headers": {"Authorization": "token"},
            "body": "{\"ü\":1}\n", "expected_status": [201, 409],
            "extra_ca": "-----BEGIN CERTIFICATE-----\n", "max_redirects": 3, "max_answer_bytes": 1000,
        })
    );
    check(
        "http GET http://a/ --allow-invalid-certificate --body x",
        "http_request",
        &json!({"method": "GET", "url": "http://a/", "body": "x", "allow_invalid_certificate": true}),
    );
}

#[test]
fn requests_that_cannot_be_meant() {
    refused("http GET", "<URL>");
    refused("http BREW http://a/", "method: ");
    refused("http GET http://u:p@a/", "secret_headers");
    refused("http GET http://a/ -H X", "NAME:VALUE");
    refused("http GET http://a/ -H X:1 -H X:2", "given twice");
    refused(
        "http GET http://a/ -H Content-Length:2",
        "set by the agent itself",
    );
    refused("http GET http://a/ --secret-header X=", "NAME=SECRET");
    refused("http GET http://a/ --body @/no/such/file", "/no/such/file");
    refused("http GET http://a/ --max-redirects 11", "max_redirects: ");
}

#[test]
fn where_a_job_runs_must_be_said() {
    let error = Line::try_parse_from(["job", "service", "stop", "nginx"]).unwrap_err();
    assert!(error.to_string().contains("--agent"), "{error}");
}
