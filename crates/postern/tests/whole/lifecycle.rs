//! The server's own life: first start, clean stop, starts that cannot succeed, a chain of one's own, a full disk.

use std::{
    fs::{self, File},
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use postern_client::{Error, IdempotencyKey};
use postern_domain::job::JobState;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::support::{Agent, Cli, Database, Door, Engine, Home, Ledger, Server, is_alive, shell, wait_for};

const STOP_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn the_password_is_printed_at_the_first_start_only() {
    let home = Home::new();
    let server = Server::new(home.path(), "server").without_environment("POSTERN_ADMIN_PASSWORD");
    server.start();
    wait_for("the address to be printed", || {
        server.log_text().contains("open https://").then_some(())
    });
    let log = server.log_text();
    let password = log
        .lines()
        .find_map(|line| line.strip_prefix("admin password: "))
        .unwrap_or_else(|| panic!("{log}"))
        .to_owned();
    let cli = Cli::new(home.path(), "cli");
    let (url, ca) = (server.url(), server.ca_path());
    let login = [
        "login",
        &url,
        "--ca",
        ca.to_str().unwrap(),
        "--user",
        "admin",
        "--password-stdin",
    ];
    cli.run_with_input(&login, &password).text();
    assert_eq!(cli.run_with_input(&login, "another password").code, 3);
    assert!(server.stop(STOP_WITHIN).success());

    fs::remove_file(&server.log).unwrap();
    server.start();
    wait_for("the address to be printed", || {
        server.log_text().contains("open https://").then_some(())
    });
    assert!(
        !server.log_text().contains("admin password"),
        "{}",
        server.log_text()
    );
    cli.run(&["agent", "list"]).text();
    // Nothing secret is readable by others.
    use std::os::unix::fs::PermissionsExt as _;
    for entry in fs::read_dir(&server.data).unwrap().flatten() {
        let mode = entry.metadata().unwrap().permissions().mode();
        let public = entry.file_name() == "ca.pem";
        assert!(
            public || mode & 0o077 == 0,
            "{:?} has mode {mode:o}",
            entry.path()
        );
    }
}

#[test]
fn sigterm_answers_waiting_polls_and_ends_with_0_while_jobs_go_on() {
    let home = Home::new();
    let server = Server::started(home.path());
    let door = Door::open(&server);
    let agents: Vec<Agent> = ["one", "two", "three"]
        .into_iter()
        .map(|name| door.agent(home.path(), name, &server.url()))
        .collect();
    let ledger = Ledger::new(home.path());
    let job = door.run(&ledger.job(8.0, &["two"]));
    door.wait_for_state(job.id, JobState::Running);
    // Someone also watches.
    let cli = Cli::signed_in(home.path(), &server);
    let watching = cli.start(
        &["job", "output", "--follow", &job.id.to_string()],
        &home.join("watching.log"),
    );
    wait_for("the watcher to see it", || {
        fs::read_to_string(home.join("watching.log"))
            .is_ok_and(|text| text.contains("of job"))
            .then_some(())
    });
    let begin = Instant::now();
    assert!(server.stop(STOP_WITHIN).success());
    let took = begin.elapsed();
    println!("stopped in {took:?}");
    assert!(took < Duration::from_secs(5), "nobody was waited for: {took:?}");
    assert!(
        TcpListener::bind(("127.0.0.1", server.port)).is_ok(),
        "the port is free"
    );
    assert!(agents.iter().all(Agent::is_running));
    wait_for("the job to end without a server", || {
        (ledger.lines() == 2).then_some(())
    });
    assert!(!agents[1].is_empty(), "its end waits for the server");
    server.start();
    let detail = door.wait_for_end(job.id, crate::support::LIMIT);
    assert_eq!(
        detail.job.exit_code,
        Some(i32::try_from(job.id.0 % 5).unwrap()),
        "{detail:?}"
    );
    wait_for("the journal to be empty", || agents[1].is_empty().then_some(()));
    drop(watching);
    door.assert_audit_is_intact();
}

/// Starts a server that cannot: its exit code and what it says.
fn fails(server: &Server) -> String {
    server.launch(&[]);
    let status = server.wait("the server to give up");
    let log = server.log_text();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    log
}

#[track_caller]
fn assert_says(log: &str, words: &[&str]) {
    for word in words {
        assert!(log.contains(word), "{word:?} is missing: {log}");
    }
}

#[test]
fn a_start_that_cannot_succeed_says_why() {
    let home = Home::new();
    File::create(home.join("file")).unwrap();

    let taken = Server::new(home.path(), "taken");
    let _listener = TcpListener::bind(("127.0.0.1", taken.port)).unwrap();
    assert_says(&fails(&taken), &["cannot listen on 127.0.0.1", "--listen"]);

    // Not by permissions: tests may run as root.
    let unwritable = Server::new(home.path(), "file/server");
    assert_says(&fails(&unwritable), &["cannot make", "file/server"]);

    for (name, url, word) in [
        ("scheme", "mysql://here/db", "sqlite:// or postgres://"),
        ("nobody", "postgres://postern@127.0.0.1:1/db", "not reachable"),
        ("folder", "sqlite:///no/such/folder/postern.db", "database"),
    ] {
        let server = Server::new(home.path(), name).database(Some(url));
        assert_says(&fails(&server), &[word]);
    }

    let other_key = Server::new(home.path(), "locked").database(None);
    other_key.start();
    assert!(other_key.stop(STOP_WITHIN).success());
    let other_key = other_key.environment(
        "POSTERN_MASTER_KEY",
        "//////////////////////////////////////////8=",
    );
    assert_says(&fails(&other_key), &["master key"]);
    let short_key = Server::new(home.path(), "short").environment("POSTERN_MASTER_KEY", "c2hvcnQ=");
    assert_says(&fails(&short_key), &["32 bytes"]);

    let missing = home.join("missing.pem");
    let no_chain = Server::new(home.path(), "chainless")
        .argument("--tls-cert", missing.to_str().unwrap())
        .argument("--tls-key", missing.to_str().unwrap());
    assert_says(
        &fails(&no_chain),
        &["cannot read certificates from", "missing.pem"],
    );
}

/// A chain as a company has it: leaf first, CA last; and its key.
fn own_chain(home: &Home) -> (PathBuf, PathBuf) {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "Company CA");
    let issuer = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let leaf = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let (chain_path, key_path) = (home.join("chain.pem"), home.join("key.pem"));
    fs::write(&chain_path, format!("{}{}", leaf.pem(), issuer.pem())).unwrap();
    fs::write(&key_path, key.serialize_pem()).unwrap();
    (chain_path, key_path)
}

#[test]
fn a_chain_of_ones_own_serves_agents_and_people() {
    let home = Home::new();
    let (chain, key) = own_chain(&home);
    let server = Server::new(home.path(), "server")
        .argument("--tls-cert", chain.to_str().unwrap())
        .argument("--tls-key", key.to_str().unwrap());
    server.start();
    let door = Door::open(&server);
    let agent = door.agent(home.path(), "strict", &server.url());
    assert_eq!(door.run_to_end(&shell("exit 5", "strict")).job.exit_code, Some(5));
    assert!(agent.stop().success());
    server.kill();
    // Another chain of the same names is another server: the agent does not go near it.
    own_chain(&home);
    server.start();
    agent.start_with(&[]);
    wait_for("the agent to refuse", || {
        agent
            .log_text()
            .contains("no contact with the server")
            .then_some(())
    });
    assert!(agent.is_running(), "it waits for the right one");
}

/// Starts the server with a small disk of its own under its data, in a mount namespace: gone with the process.
fn start_on_small_disk(server: &Server) -> PathBuf {
    let wanted = server.command();
    let mount = format!(
        "mount -t tmpfs -o size=6m,mode=700 tmpfs '{}' && exec \"$@\"",
        server.data.display()
    );
    let mut command = std::process::Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &mount, "sh"]);
    command.arg(wanted.get_program()).args(wanted.get_args());
    for (name, value) in wanted.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    fs::create_dir_all(&server.data).unwrap();
    server.launch_as(&mut command);
    server.wait_until_ready();
    let inside = format!("/proc/{}/root{}", server.pid().unwrap(), server.data.display());
    PathBuf::from(inside)
}

fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("filler");
    let mut file = File::create(&path).unwrap();
    for size in [256 * 1024, 4096, 512] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
    path
}

#[test]
fn a_full_disk_is_said_and_nothing_is_lost_when_there_is_room_again() {
    let home = Home::new();
    let server = Server::new(home.path(), "server");
    let disk = start_on_small_disk(&server);
    let door = Door::open_at(&server.url(), &disk.join("ca.pem"));
    let agent = door.agent(home.path(), "host", &server.url());
    let ledger = Ledger::new(home.path());
    let running = door.run(&ledger.job(4.0, &["host"]));
    door.wait_for_state(running.id, JobState::Running);

    let filler = fill(&disk);
    let key = IdempotencyKey::random();
    // Some of it still fits into what the database has set aside; large scripts soon do not.
    let mut made = vec![running.id];
    let problem = wait_for("a creation to be refused", || {
        let mut request = ledger.job(0.0, &["host"]);
        if let postern_protocol::payload::JobPayload::Script(script) = &mut request.work {
            script
                .content
                .push_str(&format!("# {} {}", made.len(), "x".repeat(100_000)));
        }
        match door.once(door.client.job_create(&request, &IdempotencyKey::random())) {
            Ok(created) => {
                made.push(created.jobs[0].id);
                None
            }
            Err(Error::Problem(problem)) => Some(problem),
            Err(error) => panic!("{error}"),
        }
    });
    assert_eq!(
        (problem.status, problem.code.as_str()),
        (503, "disk_full"),
        "{problem:?}"
    );
    assert!(problem.detail.contains("disk"), "{problem:?}");
    println!("{}", problem.detail);
    // Reading goes on, and the job ends although its end cannot be stored.
    door.job(running.id);
    wait_for("the job to end on its host", || {
        (ledger.lines() >= 2).then_some(())
    });
    let refused = door.once(door.client.job_create(&ledger.job(0.0, &["host"]), &key));
    assert!(server.is_running() && agent.is_running());

    fs::remove_file(filler).unwrap();
    let after = door.ask("job_create", |client| {
        let (request, key) = (ledger.job(0.0, &["host"]), key.clone());
        async move { client.job_create(&request, &key).await }
    });
    if let Ok(refused) = refused {
        assert_eq!(refused.jobs, after.jobs, "the same key, the same job");
    }
    made.push(after.jobs[0].id);
    wait_for("every job to end", || {
        door.jobs_in("queued,pending,running").is_empty().then_some(())
    });
    let verdict = crate::support::judge(&door, &ledger, &made, &Default::default());
    assert_eq!(verdict.finished, made.len());
    wait_for("the journal to be empty", || agent.is_empty().then_some(()));
}

#[test]
fn a_server_whose_postgres_went_away_comes_back_with_it() {
    let home = Home::new();
    let database = Database::new(Engine::Postgres, "away");
    let server = Server::new(home.path(), "server").database(database.url.as_deref());
    server.start();
    let door = Door::open(&server);
    let _agent = door.agent(home.path(), "host", &server.url());
    let ledger = Ledger::new(home.path());
    let job = door.run(&ledger.job(2.0, &["host"]));
    wait_for("the job to start", || (ledger.lines() == 1).then_some(()));
    // Every connection is ended, again and again while the job runs.
    wait_for("the job to end on its host", || {
        database.end_connections();
        (ledger.lines() == 2).then_some(())
    });
    let detail = door.wait_for_end(job.id, crate::support::LIMIT);
    assert_eq!(
        detail.job.exit_code,
        Some(i32::try_from(job.id.0 % 5).unwrap()),
        "{detail:?}"
    );
    assert!(is_alive(server.pid().unwrap()));
    assert_eq!(door.run_to_end(&shell("exit 3", "host")).job.exit_code, Some(3));
    door.assert_audit_is_intact();
}
