//! Requests to a real nginx, and what they must not do.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
};

use postern_protocol::{payload::JobPayload, seal::Secrets};
use zeroize::Zeroizing;

use super::*;
use crate::{
    perform::network::fixture::{Certificate, Nginx, free_port},
    policy::Policy,
};

fn request(url: &str) -> HttpRequest {
    let text = serde_json::json!({"type": "http_request", "payload": {"method": "GET", "url": url}});
    match serde_json::from_value(text).unwrap() {
        JobPayload::HttpRequest(request) => request,
        _ => unreachable!("the type is given"),
    }
}

fn ask_with(
    work: &HttpRequest,
    secrets: &[(&str, &str)],
) -> Result<HttpResult, (String, Option<HttpResult>)> {
    let context = Context {
        policy: Policy::default(),
        secrets: secrets
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Zeroizing::new((*value).to_owned())))
            .collect::<Secrets>(),
    };
    let own = |result| match result {
        JobResult::HttpRequest(result) => result,
        other => panic!("{other:?}"),
    };
    run(work, &context, &mut |_| {})
        .map(own)
        .map_err(|failed| (failed.reason, failed.result.map(own)))
}

fn ask(work: &HttpRequest) -> Result<HttpResult, (String, Option<HttpResult>)> {
    ask_with(work, &[])
}

fn refused(work: &HttpRequest) -> String {
    ask(work).unwrap_err().0
}

#[test]
fn an_answer_is_kept_with_status_headers_and_body() {
    let nginx = Nginx::start(
        &Certificate::good(),
        "location /a { add_header X-Own 'yes'; return 201 'made'; }",
    );
    let result = ask(&request(&format!("http://127.0.0.1:{}/a?b=c", nginx.http))).unwrap();
    assert_eq!(
        (result.status, result.body.as_str(), result.body_bytes),
        (Some(201), "made", 4)
    );
    assert!(
        result
            .headers
            .iter()
            .any(|header| header.name == "x-own" && header.value == "yes")
    );
    assert_eq!((result.truncated, result.certificate_checked), (false, None));
    assert_eq!(nginx.seen(1), ["GET /a [-] [-] [-] [-]"]);
}

#[test]
fn method_headers_secrets_and_body_arrive_as_given() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"the body") {
            let mut piece = [0; 1024];
            let length = stream.read(&mut piece).unwrap();
            assert!(length > 0, "the request is whole");
            seen.extend_from_slice(&piece[..length]);
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        String::from_utf8(seen).unwrap()
    });
    let work = HttpRequest {
        method: "PUT".into(),
        headers: [("X-Plain".to_owned(), "p".to_owned())].into(),
        secret_headers: [("X-Token".to_owned(), "token".to_owned())].into(),
        body: Some("the body".into()),
        ..request(&url)
    };
    let result = ask_with(&work, &[("token", "s3cret")]).unwrap();
    assert_eq!(result.status, Some(204));
    let seen = server.join().unwrap().to_lowercase();
    assert!(seen.starts_with("put /x http/1.1\r\n"), "{seen}");
    for line in [
        "x-plain: p",
        "x-token: s3cret",
        "content-length: 8",
        "host: 127.0.0.1:",
    ] {
        assert!(seen.contains(line), "{line} in {seen}");
    }
}

#[test]
fn a_missing_secret_fails_before_anything_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let work = HttpRequest {
        secret_headers: [("X-Token".to_owned(), "token".to_owned())].into(),
        ..request(&format!("http://{}/", listener.local_addr().unwrap()))
    };
    assert_eq!(
        refused(&work),
        "the secret 'token' for header 'X-Token' was not given"
    );
    assert!(listener.accept().is_err(), "nobody called");
}

#[test]
fn only_an_expected_status_completes_the_job() {
    let nginx = Nginx::start(&Certificate::good(), "location /no { return 404 'gone'; }");
    let work = request(&format!("http://127.0.0.1:{}/no", nginx.http));
    let (reason, result) = ask(&work).unwrap_err();
    assert_eq!(reason, "the server answered 404, expected was 200 to 299");
    assert_eq!(result.unwrap().body, "gone");
    let expecting = |status: &[u16]| HttpRequest {
        expected_status: status.to_vec(),
        ..work.clone()
    };
    assert_eq!(ask(&expecting(&[200, 404])).unwrap().status, Some(404));
    assert_eq!(
        refused(&expecting(&[200, 410])),
        "the server answered 404, expected was 200, 410"
    );
}

#[test]
fn a_certificate_must_hold_for_this_host_and_this_name() {
    let good = Certificate::good();
    let nginx = Nginx::start(&good, "");
    let trusting = |host: &str| HttpRequest {
        extra_ca: Some(good.ca.clone()),
        ..request(&format!("https://{host}:{}/", nginx.https))
    };
    let result = ask(&trusting("localhost")).unwrap();
    assert_eq!(
        (result.status, result.certificate_checked),
        (Some(200), Some(true))
    );
    let mismatch = refused(&trusting("127.0.0.2"));
    assert!(
        mismatch.contains("it is not for 127.0.0.2: it names localhost, 127.0.0.1"),
        "{mismatch}"
    );
    let unknown = refused(&HttpRequest {
        extra_ca: Some(Certificate::by("Other CA").ca),
        ..trusting("localhost")
    });
    assert!(
        unknown.contains("does not know its issuer, CN=Test CA"),
        "{unknown}"
    );
    let untold = refused(&HttpRequest {
        extra_ca: None,
        ..trusting("localhost")
    });
    assert!(untold.contains("certificate is not accepted"), "{untold}");
    // Only the first came through.
    assert_eq!(nginx.seen(1).len(), 1);
}

#[test]
fn an_authoritys_own_certificate_holds_where_it_is_the_very_one_that_was_given() {
    let own = Certificate::authority();
    let nginx = Nginx::start(&own, "");
    let trusting = |ca: &str, host: &str| HttpRequest {
        extra_ca: Some(ca.to_owned()),
        ..request(&format!("https://{host}:{}/", nginx.https))
    };
    let result = ask(&trusting(&own.ca, "localhost")).unwrap();
    assert_eq!(
        (result.status, result.certificate_checked),
        (Some(200), Some(true))
    );
    let mismatch = refused(&trusting(&own.ca, "127.0.0.2"));
    assert!(
        mismatch.contains("it is not for 127.0.0.2: it names localhost, 127.0.0.1"),
        "{mismatch}"
    );
    let other = refused(&trusting(&Certificate::authority().ca, "localhost"));
    assert!(
        other.contains("not accepted: it is the certificate of an authority, CN=self"),
        "{other}"
    );
    // Only the first came through.
    assert_eq!(nginx.seen(1).len(), 1);
}

#[test]
fn both_versions_of_http_are_spoken_over_tls() {
    let certificate = Certificate::good();
    let nginx = Nginx::start(&certificate, "location /version { return 200 $server_protocol; }");
    for (host, expected) in [("localhost", "HTTP/2.0"), ("127.0.0.2", "HTTP/1.1")] {
        let result = ask(&HttpRequest {
            allow_invalid_certificate: true,
            ..request(&format!("https://{host}:{}/version", nginx.https))
        });
        assert_eq!(result.unwrap().body, expected, "{host}");
    }
}

#[test]
fn an_expired_certificate_is_refused_unless_allowed_and_that_is_told() {
    let expired = Certificate::expired();
    let nginx = Nginx::start(&expired, "");
    let work = HttpRequest {
        extra_ca: Some(expired.ca.clone()),
        ..request(&format!("https://localhost:{}/", nginx.https))
    };
    assert!(refused(&work).contains("it expired at 2021-01-01T00:00:00Z"));
    let result = ask(&HttpRequest {
        allow_invalid_certificate: true,
        ..work
    })
    .unwrap();
    assert_eq!(
        (result.status, result.certificate_checked),
        (Some(200), Some(false))
    );
    assert!(account(&result).contains("certificate was not checked"));
}

#[test]
fn a_redirect_is_an_answer_unless_it_may_be_followed() {
    let nginx = Nginx::start(&Certificate::good(), "location /old { return 302 /new; }");
    let work = request(&format!("http://127.0.0.1:{}/old", nginx.http));
    assert_eq!(refused(&work), "the server answered 302, expected was 200 to 299");
    let result = ask(&HttpRequest {
        max_redirects: Some(1),
        ..work.clone()
    })
    .unwrap();
    assert_eq!((result.status, result.redirects), (Some(200), vec![work.url]));
    assert!(result.url.ends_with("/new"), "{}", result.url);
}

#[test]
fn a_redirect_to_a_metadata_address_is_refused_without_a_connection() {
    let nginx = Nginx::start(
        &Certificate::good(),
        "location /evil { return 302 http://169.254.169.254/latest/meta-data/; }\n\
         location /worn { return 302 http://[::ffff:a9fe:a9fe]/; }",
    );
    for path in ["evil", "worn"] {
        let (reason, result) = ask(&HttpRequest {
            max_redirects: Some(3),
            ..request(&format!("http://127.0.0.1:{}/{path}", nginx.http))
        })
        .unwrap_err();
        assert!(
            reason.contains("169.254.169.254") && reason.contains("policy"),
            "{reason}"
        );
        let result = result.unwrap();
        // Where it was asked last, and nothing of what the one before answered.
        assert!(result.url.starts_with("http://"), "{}", result.url);
        assert!(
            result.url.contains("169.254") || result.url.contains("a9fe"),
            "{}",
            result.url
        );
        assert_eq!((result.status, &*result.headers), (None, &[][..]));
        assert_eq!(
            result.redirects,
            [format!("http://127.0.0.1:{}/{path}", nginx.http)]
        );
        let shown = account(&result);
        assert!(!shown.contains("status") && !shown.contains("nginx"), "{shown}");
    }
}

#[test]
fn another_origin_sees_no_secret() {
    let certificate = Certificate::good();
    let nginx = Nginx::start(
        &certificate,
        "location /away { return 307 https://localhost:HTTPS/there; }",
    );
    let work = HttpRequest {
        headers: [("Authorization", "Bearer x"), ("Cookie", "c=1"), ("X-Plain", "p")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        secret_headers: [("X-Token".to_owned(), "token".to_owned())].into(),
        extra_ca: Some(certificate.ca.clone()),
        max_redirects: Some(1),
        ..request(&format!("http://127.0.0.1:{}/away", nginx.http))
    };
    let result = ask_with(&work, &[("token", "s3cret")]).unwrap();
    assert_eq!(result.status, Some(200));
    assert_eq!(
        nginx.seen(2),
        [
            "GET /away [Bearer x] [c=1] [s3cret] [p]",
            "GET /there [-] [-] [-] [p]"
        ]
    );
}

#[test]
fn a_redirect_down_from_https_is_not_followed() {
    let certificate = Certificate::good();
    let nginx = Nginx::start(
        &certificate,
        "location /down { return 302 http://127.0.0.1:HTTP/; }",
    );
    let (reason, result) = ask(&HttpRequest {
        extra_ca: Some(certificate.ca.clone()),
        max_redirects: Some(1),
        ..request(&format!("https://localhost:{}/down", nginx.https))
    })
    .unwrap_err();
    assert!(reason.contains("it would drop the encryption"), "{reason}");
    let result = result.unwrap();
    assert_eq!(
        (result.status, result.redirects.len()),
        (Some(302), 0),
        "its own answer"
    );
}

#[test]
fn a_loop_of_redirects_ends_at_its_bound() {
    let nginx = Nginx::start(&Certificate::good(), "location /loop { return 302 /loop; }");
    let (reason, result) = ask(&HttpRequest {
        max_redirects: Some(3),
        ..request(&format!("http://127.0.0.1:{}/loop", nginx.http))
    })
    .unwrap_err();
    assert_eq!(reason, "there are more redirects than the 3 that may be followed");
    assert_eq!(result.unwrap().redirects.len(), 3);
    assert_eq!(nginx.seen(4).len(), 4);
}

#[test]
fn a_body_is_kept_up_to_its_bound_and_no_further() {
    let nginx = Nginx::start(&Certificate::good(), "");
    nginx.file("big", &[b'x'; 10_000]);
    let capped = |most| HttpRequest {
        max_answer_bytes: Some(most),
        ..request(&format!("http://127.0.0.1:{}/files/big", nginx.http))
    };
    let whole = ask(&capped(10_000)).unwrap();
    assert_eq!(
        (whole.body.len(), whole.body_bytes, whole.truncated),
        (10_000, 10_000, false)
    );
    let cut = ask(&capped(9_999)).unwrap();
    assert_eq!(
        (cut.body.len(), cut.body_bytes, cut.truncated),
        (9_999, 10_000, true)
    );
}

#[test]
fn bytes_that_are_no_text_are_marked_and_control_characters_kept() {
    let nginx = Nginx::start(&Certificate::good(), "");
    nginx.file("odd", b"a\0b\x1b[31m\xff\xfec");
    let result = ask(&request(&format!("http://127.0.0.1:{}/files/odd", nginx.http))).unwrap();
    assert_eq!(result.body, "a\0b\u{1b}[31m\u{fffd}\u{fffd}c");
    assert_eq!(result.body_bytes, 11);
}

#[test]
fn what_cannot_be_reached_says_why() {
    let closed = format!("127.0.0.1:{}", free_port());
    let (reason, result) = ask(&request(&format!("http://{closed}/"))).unwrap_err();
    assert_eq!(reason, format!("{closed} cannot be reached: connection refused"));
    assert_eq!(result.unwrap().status, None);
    let text = refused(&request("http://no-such-host.invalid/"));
    assert!(
        text.starts_with("host 'no-such-host.invalid' was not found: "),
        "{text}"
    );
    let text = refused(&HttpRequest {
        extra_ca: Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".into()),
        ..request("https://localhost/")
    });
    assert!(text.starts_with("extra_ca: "), "{text}");
}

#[test]
fn a_result_always_fits() {
    let result = HttpResult {
        method: "GET".into(),
        url: "http://web.test/".into(),
        redirects: Vec::new(),
        status: Some(200),
        headers: Vec::new(),
        body: "\u{1}ä".repeat(400_000),
        body_bytes: 1,
        truncated: false,
        certificate_checked: None,
        time_us: 1,
    };
    let fitted = JobResult::HttpRequest(fitted(result));
    assert!(serde_json::to_vec(&fitted).unwrap().len() <= RESULT_BYTES);
    let JobResult::HttpRequest(fitted) = fitted else {
        unreachable!("it went in as one");
    };
    assert!(fitted.truncated && fitted.body.starts_with("\u{1}ä"));
}
