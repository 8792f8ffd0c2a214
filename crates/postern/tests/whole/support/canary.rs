//! Whether a secret is anywhere: in files, in the database, in what the doors say.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use postern_api::{ListRequest, executions::ArchiveFormat, jobs::Job};
use postern_domain::ExecutionId;

use super::{
    Cli, Database, Door, Server,
    search::{files_with, forms, has},
};

/// Where it is looked for.
pub(crate) struct Haystack<'a> {
    /// With everything that server and agents write.
    pub(crate) home: &'a Path,
    pub(crate) server: &'a Server,
    pub(crate) database: &'a Database,
    pub(crate) door: &'a Door,
    pub(crate) cli: &'a Cli,
}

/// An answer and what it was asked for.
pub(crate) type Told = (String, Vec<u8>);

impl Haystack<'_> {
    /// None of the secrets is anywhere, in no form that a program may give it. `witness` is no secret and went the same
    /// ways: what looks for the ones must find the other. `answers` were given before.
    #[track_caller]
    pub(crate) fn assert_has_none(
        &self,
        secrets: &[&str],
        witness: &str,
        executions: &[ExecutionId],
        answers: Vec<Told>,
    ) {
        let witness = forms(witness);
        let answers = [answers, self.told(executions)].concat();
        let rows = self.database.contents();
        for secret in secrets {
            let secret = forms(secret);
            for (what, bytes) in &answers {
                assert!(!has(bytes, &secret), "{what}: {}", String::from_utf8_lossy(bytes));
            }
            assert_eq!(files_with(self.home, &secret), Vec::<PathBuf>::new());
            assert!(!has(&rows, &secret), "in the database");
        }
        for way in [
            "zip",
            "json",
            "events",
            "stdout",
            "postern job show",
            "postern job output",
        ] {
            let mut told = answers.iter().filter(|(what, _)| what.starts_with(way));
            assert!(
                told.any(|(_, bytes)| has(bytes, &witness)),
                "what is no secret is in {way}"
            );
        }
        let found = match self.database.url {
            Some(_) => has(&rows, &witness),
            None => !files_with(&self.server.data, &witness).is_empty(),
        };
        assert!(found, "what is no secret is in the database");
    }

    fn told(&self, executions: &[ExecutionId]) -> Vec<Told> {
        let door = self.door;
        let mut told: Vec<Told> = [
            "metrics",
            "api/v1/executions?limit=500",
            "api/v1/jobs?limit=500",
            "api/v1/scripts?limit=500",
            "api/v1/schedules?limit=500",
        ]
        .map(|path| (path.to_owned(), door.wire(path)))
        .into();
        let audit = door.ask("audit_list", |client| async move {
            client.audit_list_all(&ListRequest::default(), 100_000).await
        });
        told.push(("audit".to_owned(), serde_json::to_vec(&audit).unwrap()));
        told.extend([
            self.printed(&["execution", "list"]),
            self.printed(&["job", "list"]),
            self.printed(&["schedule", "list"]),
            self.printed(&["audit", "list", "--limit", "1000", "--json"]),
        ]);
        for id in executions {
            let path = format!("api/v1/executions/{id}");
            told.push((path.clone(), door.wire(&path)));
            told.push(self.printed(&["execution", "show", &id.to_string()]));
            let download = |format| {
                door.ask("execution_download", |client| async move {
                    let (mut file, mut whole) = (client.execution_download(*id, format).await?, Vec::new());
                    while let Some(piece) = file.next().await? {
                        whole.extend_from_slice(&piece);
                    }
                    Ok::<_, postern_client::Error>(whole)
                })
            };
            told.push(("zip".to_owned(), unpacked(&download(ArchiveFormat::Zip))));
            told.push(("json".to_owned(), download(ArchiveFormat::Json)));
            let jobs = door.jobs_of(*id);
            told.extend(
                jobs.iter()
                    .filter(|job| job.started_at.is_some())
                    .flat_map(|job| self.told_of(job)),
            );
        }
        told
    }

    fn told_of(&self, job: &Job) -> Vec<Told> {
        let id = job.id.to_string();
        let path = format!("api/v1/jobs/{id}");
        let raw = [
            ("job", ""),
            ("output", "/output"),
            ("events", "/events"),
            ("stdout", "/output/stdout"),
            ("stderr", "/output/stderr"),
        ];
        let mut told: Vec<Told> = raw
            .map(|(what, end)| (format!("{what} of {id}"), self.door.wire(&format!("{path}{end}"))))
            .into();
        told.extend([
            self.printed(&["job", "show", &id]),
            self.printed(&["job", "show", &id, "--json"]),
            self.printed(&["job", "output", &id]),
        ]);
        told
    }

    /// Both streams of a command of the operator's, whatever came of it.
    fn printed(&self, arguments: &[&str]) -> Told {
        let answer = self.cli.run(arguments);
        let what = format!("postern {}", arguments.join(" "));
        (what, [answer.bytes, answer.stderr.into_bytes()].concat())
    }
}

/// The names in an archive and what is in its files.
fn unpacked(archive: &[u8]) -> Vec<u8> {
    const CODE: &str = "import io,sys,zipfile\n\
                        files = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))\n\
                        for name in files.namelist():\n    \
                            sys.stdout.buffer.write(name.encode() + b'\\n' + files.read(name) + b'\\n')";
    let mut child = Command::new("python3")
        .args(["-c", CODE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Read to its end before anything is written.
    child.stdin.take().unwrap().write_all(archive).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}
