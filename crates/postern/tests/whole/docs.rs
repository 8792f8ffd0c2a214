//! The examples of `docs/rooms/`: every `sh` block runs as it stands, against a real server and a real agent.

use std::{path::Path, process::Command};

use super::support::{Cli, Door, Home, Server, agent_program, environment, wait_for};

/// One page and the `sh` blocks on it.
fn examples() -> Vec<(String, Vec<String>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rooms");
    let mut pages: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pages.sort();
    let read = |page: &std::path::PathBuf| {
        let text = std::fs::read_to_string(page).unwrap();
        let blocks = text.split("```sh\n").skip(1);
        let blocks = blocks
            .map(|rest| rest.split("```").next().unwrap().to_owned())
            .collect();
        (page.file_name().unwrap().to_str().unwrap().to_owned(), blocks)
    };
    pages.iter().map(read).collect()
}

#[test]
fn every_page_of_a_room_has_examples_and_they_run_as_they_stand() {
    let home = Home::new();
    let server = Server::started(home.path());
    let door = Door::open(&server);
    let _agent = {
        let agent = door.agent(home.path(), "web1", &server.url());
        let label = Cli::signed_in(home.path(), &server);
        label
            .run(&["agent", "update", "web1", "--label", "env=dev"])
            .text();
        agent
    };
    wait_for("web1 to be seen", || door.agent_row("web1").last_seen_at);
    let cli = Cli::signed_in(home.path(), &server);
    let token = cli.run(&["token", "create", "docs", "--json"]).json()["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    let programs = agent_program().parent().unwrap().to_owned();
    let path = format!(
        "{}:{}",
        programs.display(),
        environment("PATH").unwrap_or_default()
    );
    let work = home.join("work");
    std::fs::create_dir(&work).unwrap();
    for (page, blocks) in examples() {
        assert!(!blocks.is_empty(), "{page} has no example");
        for block in blocks {
            let output = Command::new("bash")
                .args(["-euo", "pipefail", "-c", &block])
                .current_dir(&work)
                .env("PATH", &path)
                .env("POSTERN_URL", server.url())
                .env("POSTERN_CA", server.ca_path())
                .env("POSTERN_TOKEN", &token)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{page}:\n{block}\n{said}");
            assert!(!output.stdout.is_empty(), "{page} prints nothing:\n{block}");
        }
    }
}
