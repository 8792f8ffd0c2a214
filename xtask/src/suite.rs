//! `cargo xtask test`: every check, in an order that fails early, on a machine that has only Rust and Node.js.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::debian;
use crate::generate;
use crate::interrupt::Interrupt;
use crate::lint;
use crate::postgres::{Cluster, Durability};
use crate::process::{self, succeeds};
use crate::tidy;
use crate::tools;
use crate::web;
use crate::workspace::Workspace;

/// Where `cargo deny fetch` keeps the advisories, and where they come from.
const ADVISORIES_ADDRESS: &str = "https://github.com/rustsec/advisory-db";

#[derive(Debug, Default)]
pub(crate) struct Options {
    filters: Vec<String>,
    only: Vec<String>,
    list: bool,
}

impl Options {
    pub(crate) fn parse(mut arguments: lexopt::Parser) -> Result<Self> {
        let mut options = Self::default();
        let text = |value: std::ffi::OsString| value.into_string().ok().context("an argument is not UTF-8");
        while let Some(argument) = arguments.next()? {
            match argument {
                lexopt::Arg::Long("only") => options.only.push(text(arguments.value()?)?),
                lexopt::Arg::Long("list") => options.list = true,
                lexopt::Arg::Value(filter) => options.filters.push(text(filter)?),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}

struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&mut Suite) -> Result<()>,
}

const STEPS: [Step; 13] = [
    step("programs", "programs from Debian's packages", Suite::programs),
    step("packages", "the web part's packages", Suite::packages),
    step("format", "cargo fmt", Suite::format),
    step("tidy", "cargo xtask tidy", Suite::tidy),
    step("web", "lint, types, unit tests and build of web/", Suite::web),
    step(
        "build",
        "programs and tests, by clippy: warnings are errors",
        Suite::build,
    ),
    step("deny", "licences, sources and bans of dependencies", Suite::deny),
    step("containers", "hadolint on the container files", Suite::containers),
    step("postgres", "a PostgreSQL for this run", Suite::start_postgres),
    step("rust", "all Rust tests, on SQLite and PostgreSQL", Suite::rust),
    step("browser", "Chromium against a real server", Suite::browser),
    step("gen", "generated files are up to date", Suite::generated),
    step("end", "stop what was started", Suite::end),
];

const fn step(name: &'static str, about: &'static str, run: fn(&mut Suite) -> Result<()>) -> Step {
    Step { name, about, run }
}

/// What a run with filters needs.
const FOR_FILTERS: [&str; 4] = ["build", "postgres", "rust", "end"];

pub(crate) fn run(workspace: Workspace, interrupt: Interrupt, options: Options) -> Result<()> {
    if options.list {
        STEPS
            .iter()
            .for_each(|step| println!("{:12}{}", step.name, step.about));
        return Ok(());
    }
    if let Some(unknown) = options
        .only
        .iter()
        .find(|name| STEPS.iter().all(|step| step.name != **name))
    {
        bail!("no step `{unknown}`: `cargo xtask test --list` shows them");
    }
    let chosen: Vec<&Step> = STEPS
        .iter()
        .filter(|step| is_chosen(step.name, &options))
        .collect();
    let mut suite = Suite {
        workspace,
        interrupt,
        filters: options.filters,
        postgres: None,
        notes: Vec::new(),
    };
    let mut done: Vec<(&str, Duration)> = Vec::new();
    let begin = Instant::now();
    for (index, step) in chosen.iter().enumerate() {
        println!(
            "\n== {}/{} {}: {}",
            index + 1,
            chosen.len(),
            step.name,
            step.about
        );
        let step_begin = Instant::now();
        let outcome = (step.run)(&mut suite);
        done.push((step.name, step_begin.elapsed()));
        if let Err(error) = outcome {
            summarize(&done, &suite.notes);
            let left = chosen.len() - done.len();
            return Err(error.context(format!("step `{}` failed ({left} steps not run)", step.name)));
        }
        println!("== {} took {}", step.name, seconds(step_begin.elapsed()));
    }
    summarize(&done, &suite.notes);
    println!("all {} steps passed in {}", done.len(), seconds(begin.elapsed()));
    Ok(())
}

fn is_chosen(name: &str, options: &Options) -> bool {
    match (options.only.is_empty(), options.filters.is_empty()) {
        (false, _) => options.only.iter().any(|only| only == name),
        (true, false) => FOR_FILTERS.contains(&name),
        (true, true) => true,
    }
}

fn summarize(done: &[(&str, Duration)], notes: &[String]) {
    println!("\n== summary");
    done.iter()
        .for_each(|(name, time)| println!("{name:12}{:>10}", seconds(*time)));
    notes.iter().for_each(|note| println!("note: {note}"));
}

fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        whole => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

struct Suite {
    workspace: Workspace,
    interrupt: Interrupt,
    filters: Vec<String>,
    postgres: Option<Cluster>,
    notes: Vec<String>,
}

impl Suite {
    fn cargo(&self, arguments: &[&str]) -> Result<()> {
        process::run(&self.interrupt, self.workspace.cargo().args(arguments))
    }

    fn npm(&self, arguments: &[&str]) -> Result<()> {
        process::run(&self.interrupt, web::npm(&self.workspace).args(arguments))
    }

    fn programs(&mut self) -> Result<()> {
        debian::ensure(&self.workspace, &self.interrupt)
    }

    fn packages(&mut self) -> Result<()> {
        web::install(&self.workspace, &self.interrupt)
    }

    fn format(&mut self) -> Result<()> {
        self.cargo(&["fmt", "--all", "--check"])
            .context("run `cargo fmt --all`")
    }

    fn tidy(&mut self) -> Result<()> {
        tidy::run(&self.workspace)
    }

    fn web(&mut self) -> Result<()> {
        // Its report in colour, one escape per letter, is unreadable in a log.
        let plain: &[&str] = if std::io::stdout().is_terminal() {
            &[]
        } else {
            &["--", "--colors=off"]
        };
        self.npm(&[&["run", "lint"], plain].concat())?;
        // They leave a core to others: on two, types and build cost no time beside them.
        let mut tests = web::begin_tests(&self.workspace)?;
        self.npm(&["run", "check"])?;
        web::build(&self.workspace, &self.interrupt)?;
        tests.finish(&self.interrupt)
    }

    fn build(&mut self) -> Result<()> {
        web::ensure_built(&self.workspace, &self.interrupt)?;
        lint::build(&self.workspace, &self.interrupt)
    }

    /// Advisories only where their database can be had: it comes from the network and changes every day, so it must not
    /// decide whether the same commit passes on a machine without one.
    fn deny(&mut self) -> Result<()> {
        let program = tools::cargo_deny(&self.workspace, &self.interrupt)?;
        let check = |what: &[&str]| {
            let mut command = self.workspace.command(&program);
            process::run(
                &self.interrupt,
                command
                    .args(["--all-features", "check", "--hide-inclusion-graph"])
                    .args(what),
            )
        };
        check(&["bans", "licenses", "sources"])?;
        let mut ask = self.workspace.command("timeout");
        ask.args([
            "20",
            "git",
            "ls-remote",
            "--exit-code",
            ADVISORIES_ADDRESS,
            "HEAD",
        ]);
        if succeeds(&mut ask) {
            return check(&["advisories"]);
        }
        let note = "advisories were not checked: their database cannot be reached from here";
        self.notes.push(note.to_owned());
        println!("{note}");
        Ok(())
    }

    fn containers(&mut self) -> Result<()> {
        let files = self.workspace.files()?;
        let containers = files
            .iter()
            .filter(|file| file.starts_with("deploy/") && file.contains("Containerfile"));
        let containers: Vec<&String> = containers.collect();
        if containers.is_empty() {
            bail!("there is no container file in deploy/");
        }
        let mut lint = self
            .workspace
            .command(tools::hadolint(&self.workspace, &self.interrupt)?);
        // DL3008 wants exact versions of Debian's packages, which would keep security updates out.
        lint.args(["--no-color", "--ignore", "DL3008"]).args(containers);
        process::run(&self.interrupt, &mut lint)
    }

    fn start_postgres(&mut self) -> Result<()> {
        if self.postgres.is_none() {
            self.postgres = Some(Cluster::start(
                &self.workspace,
                &self.interrupt,
                Durability::OfProcesses,
            )?);
        }
        Ok(())
    }

    fn rust(&mut self) -> Result<()> {
        self.start_postgres()?;
        let mut test = lint::cargo(&self.workspace)?;
        // Not those of the documentation: `tidy` sees to it that there are none, and looking for them takes a while.
        test.args(["test", "--workspace", "--all-features", "--tests", "--"])
            .args(&self.filters);
        if let Some(cluster) = &self.postgres {
            test.env("POSTERN_TEST_POSTGRES", cluster.url());
        }
        // Most of them wait, for clocks, for the database and for processes that start: more at once than there are cores.
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        test.env("RUST_TEST_THREADS", (4 * cores).to_string());
        process::run(&self.interrupt, &mut test)
    }

    fn browser(&mut self) -> Result<()> {
        let mut drive = web::npm(&self.workspace);
        drive
            .args(["run", "e2e"])
            .env("POSTERN_BIN", self.workspace.target("debug/postern"));
        drive.env("POSTERN_AGENT_BIN", self.workspace.target("debug/postern-agent"));
        process::run(&self.interrupt, &mut drive)
    }

    fn generated(&mut self) -> Result<()> {
        generate::run(
            &self.workspace,
            &self.interrupt,
            generate::Mode::Check,
            generate::Program::Built,
        )
    }

    fn end(&mut self) -> Result<()> {
        self.postgres = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_run_the_rust_tests_with_what_they_need_and_only_runs_what_it_names() {
        let names = |options: &Options| -> Vec<&str> {
            STEPS
                .iter()
                .map(|step| step.name)
                .filter(|name| is_chosen(name, options))
                .collect()
        };
        let filtered = Options {
            filters: vec!["storm".into()],
            ..Options::default()
        };
        assert_eq!(names(&filtered), FOR_FILTERS);
        let only = Options {
            only: vec!["tidy".into()],
            ..Options::default()
        };
        assert_eq!(names(&only), ["tidy"]);
        assert_eq!(names(&Options::default()).len(), STEPS.len());
    }
}
