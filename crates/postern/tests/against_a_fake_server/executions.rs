//! `postern execution …`: which are listed, where one runs again, and files that are whole or not there.

use std::{future::IntoFuture as _, io, path::Path};

use axum::{
    Router,
    body::{Body, Bytes},
    http::Response,
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{Fake, Run, run};

#[tokio::test]
async fn an_execution_runs_again_where_it_was_asked_to() {
    let fake = Fake::start(|_, line| match line {
        "POST /api/v1/executions/7/rerun" => (201, json!({"execution_id": 8, "jobs": []}).to_string()),
        other => panic!("{other}"),
    })
    .await;
    for (flags, hosts) in [
        (&[][..], "failed"),
        (&["--unfinished"][..], "unfinished"),
        (&["--all"][..], "all"),
    ] {
        let run = fake
            .run(&[&["execution", "rerun", "7"][..], flags].concat())
            .await;
        assert_eq!(run.code, 0, "{run:?}");
        let asked = fake.asked().pop().unwrap();
        assert!(
            asked.ends_with(&json!({"hosts": hosts}).to_string()),
            "{flags:?}: {asked}"
        );
    }
    let both = fake
        .run(&["execution", "rerun", "7", "--all", "--unfinished"])
        .await;
    assert_eq!(both.code, 2, "{both:?}");
}

#[tokio::test]
async fn executions_are_narrowed_down_by_how_they_stand() {
    let fake = Fake::start(|_, _| (200, json!({"items": []}).to_string())).await;
    let list = ["execution", "list", "--outcome", "failed", "--outcome", "running"];
    let run = fake.run(&list).await;
    assert_eq!(run.code, 0, "{run:?}");
    let asked = fake.asked().pop().unwrap();
    assert!(asked.contains("filter=outcome%3Afailed%2Crunning"), "{asked}");
}

const PIECE: usize = 256 * 1024;
const PIECES: usize = 8;

/// The address of a server that sends so much to whoever asks, and breaks off behind it if there is an error to do so with.
async fn sending(broken: Option<io::ErrorKind>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = move || {
        let whole = std::iter::repeat_n(Bytes::from(vec![b'x'; PIECE]), PIECES).map(Ok);
        let end = broken.map(|kind| Err(io::Error::from(kind)));
        let body = Body::from_stream(futures_util::stream::iter(whole.chain(end)));
        std::future::ready(Response::new(body))
    };
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    url
}

async fn download(url: &str, arguments: &[&str]) -> Run {
    let config = tempfile::tempdir().unwrap();
    let environment = [("POSTERN_URL", url), ("POSTERN_TOKEN", "pst_test")];
    let arguments = [&["execution", "download", "7"][..], arguments].concat();
    run(&arguments, config.path(), &environment, "").await
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_download_takes_the_place_of_an_older_one_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("all.json"), folder.path().join("link.json"));
    std::fs::write(&file, "older").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let url = sending(None).await;
    let saved = download(&url, &["-o", link.to_str().unwrap()]).await;
    assert_eq!((saved.code, saved.stdout.as_str()), (0, ""), "{saved:?}");
    assert!(saved.stderr.contains("(2097152 bytes)"), "{saved:?}");
    assert!(std::fs::read(&file).unwrap() == vec![b'x'; PIECE * PIECES]);
    assert!(link.is_symlink(), "the file behind the link is replaced");
    assert_eq!(names(folder.path()), ["all.json", "link.json"]);
}

#[tokio::test]
async fn a_download_that_breaks_off_leaves_what_was_there_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.zip");
    let url = sending(Some(io::ErrorKind::BrokenPipe)).await;
    let arguments = ["-o", file.to_str().unwrap()];
    let new = download(&url, &arguments).await;
    assert!(names(folder.path()).is_empty(), "{new:?}");
    std::fs::write(&file, "older").unwrap();
    let again = download(&url, &arguments).await;
    assert_eq!(names(folder.path()), ["all.zip"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "older");
    for run in [new, again] {
        assert_eq!(run.code, 1, "{run:?}");
        for said in [
            "the download broke off",
            "Nothing was saved: run the command again",
        ] {
            assert!(run.stderr.contains(said), "{said:?}: {run:?}");
        }
    }
}

#[tokio::test]
async fn a_download_goes_to_standard_output_and_is_an_error_when_it_breaks_off() {
    let to_stdout = ["-o", "-", "--format", "json"];
    let whole = download(&sending(None).await, &to_stdout).await;
    assert_eq!(
        (whole.code, whole.stdout.len(), whole.stderr.as_str()),
        (0, PIECE * PIECES, "")
    );
    let broken = download(&sending(Some(io::ErrorKind::BrokenPipe)).await, &to_stdout).await;
    assert_eq!(broken.code, 1, "{}", broken.stderr);
    assert!(
        broken.stderr.contains("is not whole: run the command again"),
        "{}",
        broken.stderr
    );
    let unsaid = download("http://127.0.0.1:9", &["-o", "-"]).await;
    assert_eq!(unsaid.code, 2, "{unsaid:?}");
}
