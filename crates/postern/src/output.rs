//! The only place that prints. Knows whether a terminal listens, and keeps what hosts say from driving it.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what this module is for"
)]

use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use postern_api::jobs::StreamName;
use serde::Serialize;

use crate::{config, failure::Failure, sanitize};

/// What a value means, where that is worth a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Busy,
    Bad,
}

#[derive(Debug)]
pub(crate) struct Console {
    json: bool,
    colour: bool,
}

impl Console {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            colour: io::stdout().is_terminal() && !config::no_colour(),
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Both ends: a question can be read and answered.
    pub(crate) fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// The answer as the API gave it, for programs; otherwise what `people` prints.
    pub(crate) fn answer<T: Serialize>(&self, value: &T, people: impl FnOnce(&T)) -> Result<(), Failure> {
        if self.json {
            return self.json(value);
        }
        people(value);
        Ok(())
    }

    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::local("cannot write JSON", &error))?;
        self.write(StreamName::Stdout, format!("{text}\n").as_bytes());
        Ok(())
    }

    /// One line for a person, on standard output.
    pub(crate) fn say(&self, text: &str) {
        let text = if io::stdout().is_terminal() {
            text.lines().map(sanitize::line).collect::<Vec<_>>().join("\n")
        } else {
            text.to_owned()
        };
        self.write(StreamName::Stdout, format!("{text}\n").as_bytes());
    }

    /// Beside the result: on standard error, so that it never mixes with what a program reads.
    pub(crate) fn note(&self, text: &str) {
        eprintln!("{}", sanitize::line(text));
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        let mut lines = failure.lines().into_iter();
        let first = lines.next().unwrap_or_default();
        eprintln!("error: {}", sanitize::line(&first));
        for line in lines {
            eprintln!("{}", sanitize::line(&line));
        }
    }

    /// Bytes as they are. A reader that went away (`| head`) ends the program quietly, as it does others; whatever else
    /// keeps them from being written (a full disk) ends it with a message and 1: who asked does not have the answer.
    pub(crate) fn write(&self, stream: StreamName, bytes: &[u8]) {
        let (name, result) = match stream {
            StreamName::Stdout => (
                "standard output",
                io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()),
            ),
            StreamName::Stderr => ("standard error", io::stderr().write_all(bytes)),
        };
        match result {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(141),
            Err(error) => {
                // Nobody is left to be told where this fails too.
                let _ = writeln!(io::stderr(), "error: cannot write {name}: {error}");
                std::process::exit(1);
            }
        }
    }

    pub(crate) fn is_terminal(&self, stream: StreamName) -> bool {
        match stream {
            StreamName::Stdout => io::stdout().is_terminal(),
            StreamName::Stderr => io::stderr().is_terminal(),
        }
    }

    pub(crate) fn table(&self, head: &[&str], rows: Vec<Vec<(String, Tone)>>) {
        self.write(StreamName::Stdout, self.render(head, rows).as_bytes());
    }

    fn render(&self, head: &[&str], rows: Vec<Vec<(String, Tone)>>) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        if self.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.set_header(head.iter().map(|title| {
            let cell = Cell::new(title);
            if self.colour {
                cell.add_attribute(Attribute::Bold)
            } else {
                cell
            }
        }));
        for row in rows {
            table.add_row(row.into_iter().map(|(text, tone)| self.cell(&text, tone)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        table
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect()
    }

    fn cell(&self, text: &str, tone: Tone) -> Cell {
        let cell = Cell::new(sanitize::line(text));
        match tone {
            _ if !self.colour => cell,
            Tone::Plain => cell,
            Tone::Good => cell.fg(Color::Green),
            Tone::Busy => cell.fg(Color::Yellow),
            Tone::Bad => cell.fg(Color::Red),
        }
    }

    /// Names and values of one object, one a line; empty values are left out.
    pub(crate) fn fields(&self, fields: &[(&str, String)]) {
        let width = fields
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0);
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            self.say(&format!("{name:width$}  {}", sanitize::line(value)));
        }
    }

    /// Asks on a terminal; without one the answer must be on the command line.
    pub(crate) fn confirm(&self, question: &str, yes: bool) -> Result<(), Failure> {
        if yes {
            return Ok(());
        }
        if !self.can_ask() {
            return Err(Failure::usage(format!("{question} Confirm with --yes")));
        }
        eprint!("{} [y/N] ", sanitize::line(question));
        let mut answer = String::new();
        io::stdin()
            .read_line(&mut answer)
            .map_err(|error| Failure::local("cannot read the answer", &error))?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            Ok(())
        } else {
            Err(Failure::usage("not confirmed: nothing was changed"))
        }
    }

    pub(crate) fn ask(&self, question: &str) -> Result<String, Failure> {
        eprint!("{question}: ");
        let mut answer = String::new();
        io::stdin()
            .read_line(&mut answer)
            .map_err(|error| Failure::local("cannot read the answer", &error))?;
        Ok(answer.trim().to_owned())
    }

    pub(crate) fn ask_password(&self, question: &str) -> Result<String, Failure> {
        rpassword::prompt_password(format!("{question}: "))
            .map_err(|error| Failure::local("cannot read the password", &error))
    }
}
