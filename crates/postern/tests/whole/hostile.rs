//! Scripts that mean harm, or do not care: floods of output, bytes that are no text, processes that hide.

use std::fs;

use nix::unistd::Pid;
use postern_api::jobs::{JobDetail, StreamOutput};
use postern_client::Error;
use postern_domain::{JobId, job::JobState};
use postern_protocol::limits::{OUTPUT_HEAD_BYTES, OUTPUT_TAIL_BYTES};

use crate::support::{
    Agent, Cli, Door, Home, Server, is_soak, peak_kib, processes_with_argument, shell, wait_for, wait_within,
};

/// Design 7 of the agent: neither it nor a shim ever needs more.
const MEMORY_KIB: u64 = 64 * 1024;
const FLOOD_LIMIT: std::time::Duration = std::time::Duration::from_secs(300);
const MIB: u64 = 1024 * 1024;

struct World {
    home: Home,
    server: Server,
    door: Door,
    agent: Agent,
}

impl World {
    fn new() -> Self {
        let home = Home::new();
        let server = Server::started(home.path());
        let door = Door::open(&server);
        let agent = door.agent(home.path(), "host", &server.url());
        Self {
            home,
            server,
            door,
            agent,
        }
    }

    fn download(&self, id: JobId) -> Vec<u8> {
        use postern_api::jobs::StreamName::Stdout;
        self.door.ask("job_output_download", |client| async move {
            client.job_output_download(id, Stdout, None).await
        })
    }

    fn stdout(&self, id: JobId) -> StreamOutput {
        self.door
            .ask(
                "job_output",
                |client| async move { client.job_output(id, None).await },
            )
            .stdout
    }

    /// Runs it, and looks at the memory of agent and shim all the while.
    fn run_watched(&self, line: &str) -> (JobDetail, u64, u64) {
        let mut request = shell(line, "host");
        request.timeout_seconds = Some(600);
        let job = self.door.run(&request);
        let agent = self.agent.pid().unwrap();
        let (mut peak_agent, mut peak_shim) = (0, 0);
        let detail = wait_within(FLOOD_LIMIT, "the flood to end", || {
            peak_agent = peak_agent.max(peak_kib(agent).unwrap());
            let shims = self.agent.shims();
            let peaks = shims.iter().filter_map(|(_, pid)| peak_kib(*pid));
            peak_shim = peaks.fold(peak_shim, u64::max);
            let detail = self.door.job(job.id);
            detail.job.state.is_final().then_some(detail)
        });
        assert!(peak_shim > 0, "the shim was never seen");
        (detail, peak_agent.max(peak_kib(agent).unwrap()), peak_shim)
    }
}

/// Head and tail are what the stream began and ended with, and all between is counted.
fn assert_head_and_tail(stdout: &StreamOutput, total: u64, head: &str, tail: &str) {
    let kept = OUTPUT_HEAD_BYTES + OUTPUT_TAIL_BYTES;
    assert_eq!(u64::try_from(stdout.total_bytes).unwrap(), total);
    assert_eq!(u64::try_from(stdout.cut_bytes).unwrap(), total - kept);
    let [first, last] = stdout.segments.as_slice() else {
        let ranges: Vec<_> = stdout
            .segments
            .iter()
            .map(|one| (one.offset, one.bytes))
            .collect();
        panic!("two segments were expected: {ranges:?}")
    };
    assert_eq!((first.offset, first.bytes), (0, OUTPUT_HEAD_BYTES.cast_signed()));
    let tail_offset = (total - OUTPUT_TAIL_BYTES).cast_signed();
    assert_eq!(
        (last.offset, last.bytes),
        (tail_offset, OUTPUT_TAIL_BYTES.cast_signed())
    );
    assert!(first.text == head, "the head differs");
    assert!(last.text == tail, "the tail differs");
}

#[test]
fn ten_gigabytes_of_output_keep_head_and_tail_and_little_memory() {
    const LINE: &str = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopq\n";
    let total = if is_soak() { 10 * 1024 * MIB } else { 1024 * MIB };
    let world = World::new();
    let line = format!("yes {} | head -c {total}; exit 9", LINE.trim_end());
    let (detail, agent, shim) = world.run_watched(&line);
    assert_eq!(
        (detail.job.state, detail.job.exit_code),
        (JobState::Failed, Some(9)),
        "{detail:?}"
    );
    let half = |bytes: u64| LINE.repeat(usize::try_from(bytes).unwrap() / LINE.len());
    let stdout = world.stdout(detail.job.id);
    assert_head_and_tail(&stdout, total, &half(OUTPUT_HEAD_BYTES), &half(OUTPUT_TAIL_BYTES));
    assert!(
        agent < MEMORY_KIB && shim < MEMORY_KIB,
        "agent {agent} KiB, shim {shim} KiB"
    );
    println!(
        "{} MiB in {} ms: agent {agent} KiB, shim {shim} KiB",
        total / MIB,
        detail.attempts[0].duration_ms.unwrap()
    );
}

#[test]
fn a_line_of_a_gigabyte_is_like_any_other_output() {
    let total = if is_soak() { 1024 * MIB } else { 256 * MIB };
    let world = World::new();
    // `begin`, then one byte over and over without a line's end, then `end`.
    let line = format!(
        r"printf begin; head -c {} /dev/zero | tr '\0' x; printf end",
        total - 8
    );
    let (detail, agent, shim) = world.run_watched(&line);
    assert_eq!(
        (detail.job.state, detail.job.exit_code),
        (JobState::Completed, Some(0)),
        "{detail:?}"
    );
    let head = format!(
        "begin{}",
        "x".repeat(usize::try_from(OUTPUT_HEAD_BYTES).unwrap() - 5)
    );
    let tail = format!(
        "{}end",
        "x".repeat(usize::try_from(OUTPUT_TAIL_BYTES).unwrap() - 3)
    );
    assert_head_and_tail(&world.stdout(detail.job.id), total, &head, &tail);
    let kept = usize::try_from(OUTPUT_HEAD_BYTES + OUTPUT_TAIL_BYTES).unwrap();
    let download = world.download(detail.job.id);
    assert!(download.len() >= kept && download.starts_with(b"beginx") && download.ends_with(b"xend"));
    assert!(
        agent < MEMORY_KIB && shim < MEMORY_KIB,
        "agent {agent} KiB, shim {shim} KiB"
    );
    println!(
        "one line of {} MiB: agent {agent} KiB, shim {shim} KiB",
        total / MIB
    );
}

#[test]
fn bytes_that_are_no_text_arrive_as_they_are_and_are_shown_as_text() {
    let world = World::new();
    let line = r"printf '\377\376|a\000b|\033[31mred\033[0m|\033]0;title\007|\342\202|<script>alert(1)</script>\r\n'";
    let detail = world.door.run_to_end(&shell(line, "host"));
    assert_eq!(detail.job.exit_code, Some(0), "{detail:?}");
    let expected: &[u8] =
        b"\xff\xfe|a\0b|\x1b[31mred\x1b[0m|\x1b]0;title\x07|\xe2\x82|<script>alert(1)</script>\r\n";
    assert_eq!(world.download(detail.job.id), expected, "byte for byte");
    let stdout = world.stdout(detail.job.id);
    let text: String = stdout.segments.iter().map(|one| one.text.as_str()).collect();
    let shown = "\u{fffd}\u{fffd}|a\0b|\u{1b}[31mred\u{1b}[0m|\u{1b}]0;title\u{7}|\u{fffd}|<script>alert(1)</script>\r\n";
    assert_eq!(text, shown, "JSON carries it; whoever shows it cleans it");
    let length = i64::try_from(expected.len()).unwrap();
    assert_eq!((stdout.total_bytes, stdout.cut_bytes), (length, 0));
    // A pipe gets the bytes, to work on them.
    let cli = Cli::signed_in(world.home.path(), &world.server);
    let answer = cli.run(&["job", "output", &detail.job.id.to_string(), "--stream", "stdout"]);
    assert_eq!(
        (answer.code, answer.bytes.as_slice()),
        (0, expected),
        "{}",
        answer.stderr
    );
}

/// Forks twice into a session of its own, and again, all of them deaf to TERM; the main process as well.
const STUBBORN: &str = r#"
trap '' TERM HUP INT
deaf='trap "" TERM HUP INT; : > "$1"; while :; do sleep 1; done'
bash -c "$deaf" MARKER "$PWD/child" &
( (setsid bash -c "$deaf" MARKER "$PWD/orphan" </dev/null >/dev/null 2>&1 &) )
( (setsid setsid bash -c "setsid bash -c '$deaf' MARKER \$1.2 & $deaf" MARKER "$PWD/other" &) )
: > "$PWD/main"
while :; do sleep 1; done
"#;

#[test]
fn cancel_ends_a_tree_that_forks_away_and_ignores_term() {
    let world = World::new();
    let marker = format!("stubborn-{}", std::process::id());
    let job = world.door.run(&crate::support::script(
        &STUBBORN.replace("MARKER", &marker),
        &[],
        &["host"],
    ));
    let detail = world.door.wait_for_state(job.id, JobState::Running);
    let work = world
        .agent
        .data
        .join(format!("attempts/{}/work", detail.attempts[0].id));
    wait_for("the whole tree to stand", || {
        ["child", "orphan", "other", "other.2", "main"]
            .iter()
            .all(|name| work.join(name).exists())
            .then_some(())
    });
    let tree: Vec<Pid> = processes_with_argument(&marker);
    assert!(tree.len() >= 4, "{tree:?}");
    world.door.ask(
        "job_cancel",
        |client| async move { client.job_cancel(job.id).await },
    );
    let detail = world.door.wait_for_end(job.id, crate::support::LIMIT);
    assert_eq!(detail.job.state, JobState::Cancelled, "{detail:?}");
    let left = processes_with_argument(&marker);
    assert!(
        left.is_empty(),
        "cancelled means that all of it is gone: {left:?}"
    );
}

#[test]
fn a_timeout_ends_the_same_tree() {
    let world = World::new();
    let marker = format!("stubborn-timeout-{}", std::process::id());
    let mut request = crate::support::script(&STUBBORN.replace("MARKER", &marker), &[], &["host"]);
    request.timeout_seconds = Some(2);
    let detail = world.door.run_to_end(&request);
    assert_eq!(detail.job.state, JobState::Timeout, "{detail:?}");
    let left = processes_with_argument(&marker);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn more_than_the_largest_command_is_refused_before_it_is_a_job() {
    let world = World::new();
    let huge = shell(&"x".repeat(64 * 1024 * 1024), "host");
    let key = postern_client::IdempotencyKey::random();
    let refused = world.door.once(world.door.client.job_create(&huge, &key));
    match refused {
        Err(Error::Problem(problem)) => assert!((400..500).contains(&problem.status), "{problem:?}"),
        // The body is not even read to its end.
        Err(Error::Transport { .. }) => {}
        other => panic!("{other:?}"),
    }
    assert!(fs::metadata(world.server.data.join("postern.db")).unwrap().len() < 8 * MIB);
    assert!(world.server.is_running());
}
