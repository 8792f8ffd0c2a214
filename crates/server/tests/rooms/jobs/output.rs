//! Output: hostile, cut to head and tail, live.

use postern_api::jobs::{OutputEvent, StreamName};
use postern_domain::job::JobState;
use postern_protocol::{
    limits::{OUTPUT_CHUNK_BYTES, OUTPUT_HEAD_BYTES, OUTPUT_TAIL_BYTES},
    messages::{Outcome, OutputAnswer, OutputRequest, ResultAnswer, Stream},
    path,
};
use postern_testkit::client::{JobEvent, JobEvents};
use postern_testkit::{TestServer, argv, on};

use super::create;
use crate::{no, on_both_databases, refused};

on_both_databases! {
    both_streams_are_kept_and_repeated_pieces_are_harmless,
    of_a_long_stream_head_and_tail_are_kept_and_the_cut_is_told,
    output_is_told_as_text_and_downloaded_as_bytes,
    hostile_pieces_are_bounded,
    each_attempt_has_its_own_output,
    events_tell_state_output_and_end_across_a_retry,
    a_watcher_is_sent_away_when_its_token_is_revoked,
}

async fn both_streams_are_kept_and_repeated_pieces_are_harmless(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let order = agent.order().await;
    agent.start(&order).await;
    agent
        .print(
            &order,
            &[(Stream::Stdout, 0, b"one\n"), (Stream::Stderr, 0, b"oops")],
        )
        .await;
    agent
        .print(
            &order,
            &[(Stream::Stdout, 0, b"one\n"), (Stream::Stdout, 4, b"two\n")],
        )
        .await;
    agent
        .print(
            &order,
            &[(Stream::Stdout, 2, b"XXXX"), (Stream::Stdout, 20, b"far")],
        )
        .await;
    let output = server.admin().job_output(id, None).await.unwrap();
    assert_eq!((output.attempt, output.complete), (1, false));
    let pieces: Vec<_> = output
        .stdout
        .segments
        .iter()
        .map(|piece| (piece.offset, &*piece.text))
        .collect();
    assert_eq!(
        pieces,
        [(0, "one\ntwo\n"), (20, "far")],
        "the first to claim a byte stands"
    );
    assert_eq!((output.stdout.total_bytes, output.stdout.cut_bytes), (23, 12));
    assert_eq!(output.stderr.segments[0].text, "oops");
    agent.exit(&order, 0).await;
    assert!(server.admin().job_output(id, Some(1)).await.unwrap().complete);
}

async fn of_a_long_stream_head_and_tail_are_kept_and_the_cut_is_told(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let order = agent.order().await;
    let total = OUTPUT_HEAD_BYTES + OUTPUT_TAIL_BYTES + 100_000;
    let byte = |at: u64| b'a' + u8::try_from(at / 50_000).unwrap();
    let whole: Vec<u8> = (0..total).map(byte).collect();
    let mut offset = 0;
    for message in whole.chunks(8 * OUTPUT_CHUNK_BYTES) {
        let mut pieces = Vec::new();
        for data in message.chunks(OUTPUT_CHUNK_BYTES) {
            pieces.push((Stream::Stdout, offset, data));
            offset += data.len() as u64;
        }
        agent.print(&order, &pieces).await;
    }
    agent.exit(&order, 0).await;
    let stdout = server.admin().job_output(id, None).await.unwrap().stdout;
    assert_eq!(
        (stdout.total_bytes, stdout.cut_bytes),
        (total.cast_signed(), 100_000)
    );
    let spans: Vec<_> = stdout
        .segments
        .iter()
        .map(|piece| (piece.offset, piece.bytes))
        .collect();
    let (head, tail) = (OUTPUT_HEAD_BYTES.cast_signed(), OUTPUT_TAIL_BYTES.cast_signed());
    assert_eq!(spans, [(0, head), (head + 100_000, tail)]);
    let file = server
        .admin()
        .job_output_download(id, StreamName::Stdout, None)
        .await
        .unwrap();
    let marker = b"\n[100000 bytes were not kept]\n";
    let cut = usize::try_from(head).unwrap();
    assert_eq!(&file[..cut], &whole[..cut]);
    assert_eq!(&file[cut..cut + marker.len()], marker);
    assert_eq!(&file[cut + marker.len()..], &whole[cut + 100_000..]);
}

async fn output_is_told_as_text_and_downloaded_as_bytes(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let order = agent.order().await;
    let bytes = b"\x1b[31mred\x1b[0m \0 \xff\xfe <script>alert(1)</script>\r\n";
    agent.print(&order, &[(Stream::Stdout, 0, bytes)]).await;
    agent.exit(&order, 0).await;
    let text = &server.admin().job_output(id, None).await.unwrap().stdout.segments[0].text;
    assert_eq!(
        text,
        "\u{1b}[31mred\u{1b}[0m \0 \u{fffd}\u{fffd} <script>alert(1)</script>\r\n"
    );
    assert_eq!(
        server
            .admin()
            .job_output_download(id, StreamName::Stdout, None)
            .await
            .unwrap(),
        bytes
    );
    let request = server
        .wire()
        .request(reqwest::Method::GET, &format!("/api/v1/jobs/{id}/output/stdout"))
        .bearer_auth(server.admin_token());
    let answer = postern_testkit::Answer::of(request).await;
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-disposition").starts_with("attachment;"));
}

async fn hostile_pieces_are_bounded(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let order = agent.order().await;
    agent.start(&order).await;
    let send = |text: String| agent.send_owned(path::output(order.attempt_id), text.into_bytes());
    let chunk = |offset: &str, data: &str| {
        format!(r#"{{"started_us":0,"chunks":[{{"stream":"stdout","offset":{offset},"data":"{data}"}}]}}"#)
    };
    for (body, status) in [
        (chunk("-1", "YQ=="), 422),
        (chunk("18446744073709551615", "YQ=="), 422),
        (chunk("1125899906842625", "YQ=="), 422),
        (chunk("0", "not base64!"), 422),
        (chunk("0", "YQ==").replace("stdout", "stdin"), 422),
        (chunk("0.5", "YQ=="), 422),
        (r#"{"started_us":"now","chunks":[]}"#.to_owned(), 422),
        (r#"{"chunks":[]}"#.to_owned(), 422),
        ("{".to_owned(), 400),
        (String::new(), 400),
        (chunk("1125899906842624", "YQ=="), 200),
        (chunk("0", ""), 200),
        (
            chunk("0", "YQ==").replace("\"chunks\"", "\"newer\":1,\"chunks\""),
            200,
        ),
    ] {
        let answer = send(body.clone()).await;
        assert_eq!(answer.status, status, "{body} → {}", answer.text());
    }
    let many: Vec<_> = (0..1025).map(|at| (Stream::Stdout, at * 2, &b"x"[..])).collect();
    let too_many = OutputRequest {
        started_us: 0,
        chunks: chunks(&many),
    };
    let refusal = agent
        .post::<OutputAnswer>(&path::output(order.attempt_id), &too_many)
        .await;
    assert_eq!(refusal.unwrap_err().status, 422);
    // One byte here and there takes a row each, up to a bound; then the rest is dropped and the job goes on.
    for round in 0..3_u64 {
        let scattered: Vec<_> = (0..400)
            .map(|at| (Stream::Stdout, round * 1000 + at * 2, &b"x"[..]))
            .collect();
        agent.print(&order, &scattered).await;
    }
    let segments = server
        .admin()
        .job_output(id, None)
        .await
        .unwrap()
        .stdout
        .segments
        .len();
    assert!((1..=512).contains(&segments), "{segments}");
    let mut result = agent.result(&order, Outcome::Exited { code: 0 });
    result.stream_bytes.insert(Stream::Stdout, u64::MAX);
    let refusal = agent
        .post::<ResultAnswer>(&path::result(order.attempt_id), &result)
        .await;
    assert_eq!(refusal.unwrap_err().status, 422);
    agent.exit(&order, 0).await;
}

fn chunks(pieces: &[(Stream, u64, &[u8])]) -> Vec<postern_protocol::messages::Chunk> {
    let chunk = |(stream, offset, data): &(Stream, u64, &[u8])| postern_protocol::messages::Chunk {
        stream: *stream,
        offset: *offset,
        data: data.to_vec(),
    };
    pieces.iter().map(chunk).collect()
}

async fn each_attempt_has_its_own_output(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let admin = server.admin();
    for (text, code) in [("first", 1), ("second", 0)] {
        let order = agent.order().await;
        agent.print(&order, &[(Stream::Stdout, 0, text.as_bytes())]).await;
        agent.exit(&order, code).await;
        if code != 0 {
            admin.job_retry(id).await.unwrap();
        }
    }
    for (attempt, text) in [(None, "second"), (Some(1), "first"), (Some(2), "second")] {
        let output = admin.job_output(id, attempt).await.unwrap();
        assert_eq!(output.stdout.segments[0].text, text);
    }
    assert_eq!(refused(admin.job_output(id, Some(3)).await), no(404, "not_found"));
    admin.job_delete(id).await.unwrap();
    assert_eq!(refused(admin.job_output(id, None).await), no(404, "not_found"));
}

/// States and output of a job in the order they were told, up to the end.
async fn read_to_end(mut events: JobEvents) -> (Vec<JobState>, String) {
    let (mut states, mut text) = (Vec::new(), String::new());
    loop {
        match events.next().await.unwrap().expect("the end is told") {
            JobEvent::State(job) => states.push(job.state),
            JobEvent::Output(OutputEvent { segment, .. }) => text.push_str(&segment.text),
            JobEvent::End => return (states, text),
        }
    }
}

async fn events_tell_state_output_and_end_across_a_retry(server: TestServer) {
    let agent = server.agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let admin = server.admin();
    let mut events = admin.job_events(id).await.unwrap();
    let first = events.next().await.unwrap();
    assert!(matches!(first, Some(JobEvent::State(job)) if job.state == JobState::Queued));
    let order = agent.order().await;
    agent
        .print(&order, &[(Stream::Stdout, 0, "gr\u{fc}".as_bytes())])
        .await;
    // Told while it runs, and a character that was cut in the middle is told whole.
    let mut seen = String::new();
    while seen.is_empty() {
        if let Some(JobEvent::Output(OutputEvent {
            attempt,
            stream,
            segment,
        })) = events.next().await.unwrap()
        {
            assert_eq!((attempt, stream, segment.offset), (1, StreamName::Stdout, 0));
            seen = segment.text;
        }
    }
    assert_eq!(seen, "gr\u{fc}");
    let half = "\u{df}e".as_bytes();
    agent.print(&order, &[(Stream::Stdout, 4, &half[..1])]).await;
    agent.print(&order, &[(Stream::Stdout, 5, &half[1..])]).await;
    agent.exit(&order, 5).await;
    let (states, rest) = read_to_end(events).await;
    assert_eq!((states.last(), &*rest), (Some(&JobState::Failed), "\u{df}e"));

    admin.job_retry(id).await.unwrap();
    let again = tokio::spawn(read_to_end(admin.job_events(id).await.unwrap()));
    let order = agent.order().await;
    agent.print(&order, &[(Stream::Stdout, 0, b"second")]).await;
    agent.exit(&order, 0).await;
    let (states, text) = again.await.unwrap();
    assert_eq!(states.last(), Some(&JobState::Completed));
    assert!(text.ends_with("second"), "{text}");
    assert_eq!(
        refused(admin.job_events(postern_domain::JobId(999)).await),
        no(404, "not_found")
    );
}

async fn a_watcher_is_sent_away_when_its_token_is_revoked(server: TestServer) {
    server.new_agent("web-1").await;
    let id = create(&server, &on(&["web-1"], argv(&["x"]))).await;
    let admin = server.admin();
    let request = postern_api::identity::TokenCreate {
        name: "watcher".into(),
        permissions: None,
        expires_in_days: None,
    };
    let token = admin
        .token_create(&request, &postern_testkit::key())
        .await
        .unwrap();
    let mut events = server.client(&token.secret).job_events(id).await.unwrap();
    assert!(matches!(events.next().await.unwrap(), Some(JobEvent::State(_))));
    admin.token_delete(token.token.id).await.unwrap();
    let ended = tokio::time::timeout(postern_testkit::LIMIT, events.next())
        .await
        .expect("the stream ends");
    assert_eq!(ended.unwrap(), None);
}
