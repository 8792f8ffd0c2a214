//! The real shim, one attempt each: how jobs start, what is kept of them, and how they end.

use std::{fs, time::Instant};

use nix::sys::signal::{Signal, kill};
use postern_protocol::{
    limits::{OUTPUT_HEAD_BYTES, OUTPUT_TAIL_BYTES},
    messages::{Outcome, Stream},
    payload::Language,
};

use crate::support::{Attempt, STUBBORN, command, is_alive, reason, script, wait_for};

#[test]
fn exit_codes_and_signals_are_told() {
    for (line, expected) in [
        ("exit 0", Outcome::Exited { code: 0 }),
        ("exit 7", Outcome::Exited { code: 7 }),
        ("exit 255", Outcome::Exited { code: 255 }),
        ("kill -9 $$", Outcome::Signalled { signal: 9 }),
    ] {
        let result = Attempt::shell(line).run();
        assert_eq!(result.outcome, expected, "{line}");
        assert!(result.duration_us.is_some() && result.started_us.is_some());
    }
}

#[test]
fn both_streams_are_kept_byte_for_byte() {
    let attempt = Attempt::shell(r"printf '\377\000\033[31m\n'; printf 'err' >&2");
    let result = attempt.run();
    assert_eq!(attempt.output("stdout.0"), b"\xff\0\x1b[31m\n");
    assert_eq!(attempt.output("stderr.0"), b"err");
    assert_eq!(result.stream_bytes[&Stream::Stdout], 8);
    assert_eq!(result.stream_bytes[&Stream::Stderr], 3);
}

#[test]
fn parameters_reach_a_script_byte_for_byte() {
    let nasty = "it's \"a\" \\ $(touch /tmp/evil) `id`\n\tline two ; rm -rf ~ % ö \u{1}";
    for (language, content) in [
        (Language::Bash, "printf %s \"$PARAM_TEXT\""),
        (
            Language::Python,
            "import os,sys; sys.stdout.buffer.write(os.environb[b'PARAM_TEXT'])",
        ),
    ] {
        let attempt = Attempt::new(script(language, content, &[("text", nasty)]), 300);
        assert_eq!(attempt.run().outcome, Outcome::Exited { code: 0 });
        assert_eq!(attempt.output("stdout.0"), nasty.as_bytes(), "{language:?}");
    }
}

#[test]
fn arguments_are_passed_on_as_they_are() {
    let attempt = Attempt::new(command(&["printf", "%s|", "a b", "", "$(id)", "*"]), 300);
    attempt.run();
    assert_eq!(attempt.output("stdout.0"), b"a b||$(id)|*|");
}

#[test]
fn a_job_sees_nothing_of_the_agents_environment() {
    let attempt = Attempt::new(command(&["env"]), 300);
    attempt.run();
    let output = String::from_utf8(attempt.output("stdout.0")).unwrap();
    assert!(!output.contains("SECRET"), "{output}");
    assert!(output.contains("POSTERN_JOB_ID=101\n") && output.contains("POSTERN_ATTEMPT=1\n"));
}

#[test]
fn a_job_starts_with_no_signal_blocked_and_none_of_the_shims_files() {
    let attempt = Attempt::shell("grep SigBlk /proc/self/status; ls -l /proc/$$/fd");
    attempt.run();
    let output = String::from_utf8(attempt.output("stdout.0")).unwrap();
    assert!(output.starts_with("SigBlk:\t0000000000000000\n"), "{output}");
    assert!(output.contains("0 -> /dev/null"), "{output}");
    assert!(
        !output.contains("/attempts/1/") && !output.contains("signalfd"),
        "{output}"
    );
}

#[test]
fn what_cannot_be_started_is_refused_with_the_reason() {
    let result = Attempt::new(command(&["no-such-program-here"]), 300).run();
    assert!(reason(&result).contains("program 'no-such-program-here' was not found in PATH"));
    assert!(result.started_us.is_none());
    let attempt = Attempt::new(command(&["/etc/passwd"]), 300);
    assert!(reason(&attempt.run()).contains("ermission denied"));
    if !["/usr/bin/pwsh", "/usr/local/bin/pwsh"]
        .iter()
        .any(|path| fs::exists(path).unwrap())
    {
        let result = Attempt::new(script(Language::Powershell, "1", &[]), 300).run();
        assert!(reason(&result).contains("pwsh or powershell was not found"));
    }
}

#[test]
fn at_the_timeout_the_whole_tree_goes() {
    let attempt = Attempt::new(script(Language::Bash, STUBBORN, &[]), 1);
    let result = attempt.run();
    assert_eq!(result.outcome, Outcome::TimedOut);
    let pids = attempt.pids();
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|&pid| !is_alive(pid)), "{pids:?}");
}

#[test]
fn cancel_ends_double_forked_processes_that_ignore_term() {
    let attempt = Attempt::new(script(Language::Bash, STUBBORN, &[]), 300);
    let mut shim = attempt.start();
    wait_for("the orphan", || (attempt.pids().len() == 3).then_some(()));
    let pids = attempt.pids();
    assert!(pids.iter().all(|&pid| is_alive(pid)));
    attempt.cancel();
    shim.wait();
    assert_eq!(attempt.result().unwrap().outcome, Outcome::Cancelled);
    assert!(pids.iter().all(|&pid| !is_alive(pid)), "{pids:?}");
}

#[test]
fn cancel_of_a_willing_job_is_quick() {
    let attempt = Attempt::shell("echo $$ > pids; exec sleep 1000");
    let mut shim = attempt.start();
    wait_for("the start", || (attempt.pids().len() == 1).then_some(()));
    let begin = Instant::now();
    attempt.cancel();
    shim.wait();
    assert_eq!(attempt.result().unwrap().outcome, Outcome::Cancelled);
    assert!(begin.elapsed().as_secs() < 4, "{:?}", begin.elapsed());
}

#[test]
fn cancelled_before_its_start_it_never_starts() {
    let attempt = Attempt::shell("echo here > ran");
    attempt.cancel();
    let result = attempt.run();
    assert_eq!((result.outcome, result.started_us), (Outcome::Cancelled, None));
    assert!(!attempt.work("ran").exists());
}

#[test]
fn a_second_shim_starts_nothing() {
    let attempt = Attempt::shell("echo once >> ../../../ledger");
    attempt.run();
    attempt.start().wait();
    let ledger = attempt.dir.join("../../ledger");
    assert_eq!(fs::read_to_string(ledger).unwrap(), "once\n");
}

#[test]
fn what_holds_a_stream_after_the_end_is_killed_and_the_exit_code_stays() {
    let attempt = Attempt::shell("sleep 1000 & echo $! > pids; exit 3");
    let result = attempt.run();
    assert_eq!(result.outcome, Outcome::Exited { code: 3 });
    assert!(result.duration_us.unwrap() < 4_000_000);
    assert!(attempt.pids().iter().all(|&pid| !is_alive(pid)));
}

#[test]
fn a_daemon_that_let_go_of_the_streams_is_left_alone() {
    let attempt = Attempt::shell("setsid sleep 1000 >/dev/null 2>&1 & echo $! > pids; exit 0");
    let begin = Instant::now();
    assert_eq!(attempt.run().outcome, Outcome::Exited { code: 0 });
    assert!(begin.elapsed().as_secs() < 4);
    let pids = attempt.pids();
    assert!(is_alive(pids[0]));
    kill(nix::unistd::Pid::from_raw(pids[0]), Signal::SIGKILL).unwrap();
}

#[test]
fn a_killed_shim_takes_the_main_process_along() {
    let attempt = Attempt::shell("echo $$ > pids; exec sleep 1000");
    let mut shim = attempt.start();
    let pid = wait_for("the start", || attempt.pids().first().copied());
    kill(shim.pid(), Signal::SIGKILL).unwrap();
    shim.wait();
    wait_for("the child's end", || (!is_alive(pid)).then_some(()));
    assert!(attempt.result().is_none());
}

/// Waits for word before it ends, so that the shim can be measured.
fn measured(produce: &str) -> (Attempt, u64) {
    let attempt = Attempt::shell(&format!("{produce}; mkfifo word; read x < word"));
    let mut shim = attempt.start();
    wait_for("all output", || attempt.work("word").exists().then_some(()));
    let peak = shim.peak_kib();
    fs::write(attempt.work("word"), "go\n").unwrap();
    shim.wait();
    (attempt, peak)
}

#[test]
fn two_hundred_megabytes_need_little_memory_and_keep_head_and_tail() {
    let (attempt, peak) = measured("seq 1 25000000 | head -c 200000000");
    assert!(peak < 16 * 1024, "{peak} KiB");
    let result = attempt.result().unwrap();
    assert_eq!(result.stream_bytes[&Stream::Stdout], 200_000_000);
    let head = attempt.output("stdout.0");
    assert_eq!(head.len() as u64, OUTPUT_HEAD_BYTES);
    assert!(head.starts_with(b"1\n2\n3\n"));
    let kept: u64 = fs::read_dir(&attempt.dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_str().unwrap().starts_with("stdout."))
        .map(|entry| entry.metadata().unwrap().len())
        .sum();
    assert!(kept >= OUTPUT_HEAD_BYTES + OUTPUT_TAIL_BYTES);
    assert!(kept <= OUTPUT_HEAD_BYTES + 2 * OUTPUT_TAIL_BYTES);
}

#[test]
fn a_line_of_fifty_megabytes_needs_little_memory() {
    let (attempt, peak) = measured("head -c 50000000 /dev/zero | tr '\\0' x");
    assert!(peak < 16 * 1024, "{peak} KiB");
    let result = attempt.result().unwrap();
    assert_eq!(result.stream_bytes[&Stream::Stdout], 50_000_000);
    assert_eq!(result.outcome, Outcome::Exited { code: 0 });
}
