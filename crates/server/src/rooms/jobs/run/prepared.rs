//! A run as it is made ready: nothing of it is in the database yet, and it can be asked what it would do, and where.

use std::collections::HashMap;

use postern_api::targets::Targets;
use postern_domain::{
    AgentId, GroupId, InstanceId, ScheduleId, ScriptId, job::DEFAULT_TIMEOUT_SECONDS, permission::Place,
};
use postern_protocol::{payload::JobPayload, seal::Secrets};
use postern_store::{
    Tx,
    jobs::{self, executions},
};
use zeroize::Zeroizing;

use super::{
    Author, Run,
    check::{check, check_sealing},
};
use crate::{
    app::App,
    digest::digest,
    error::{Error, Result},
    rooms::{
        agents::targets::{groups_of, resolve},
        jobs::{
            claim::too_large,
            secrets,
            targets::{Arranged, arrange},
        },
    },
};

/// A run that was checked and can be made any number of times.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(super) run: Run,
    /// JSON.
    pub(super) payload: String,
    /// Of the payload.
    pub(super) digest: String,
    pub(super) secret: Kept,
    again: Option<Carried>,
}

/// What a run would do, for people who decide on it.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) summary: String,
    /// JSON.
    pub(crate) payload: &'a str,
    pub(crate) timeout_seconds: u32,
    /// The saved script and its version.
    pub(crate) script: Option<(ScriptId, u32)>,
    pub(crate) action: Option<executions::ActionRun>,
}

/// What jobs that are run again have from those before: it cannot be found again from the names of their hosts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Carried {
    /// Their concurrency keys.
    pub(crate) keys: HashMap<AgentId, Option<String>>,
    /// The groups whose blackouts hold for them.
    pub(crate) guarded: Vec<(AgentId, GroupId)>,
    /// The groups that named their hosts: a host whose key is not known any more gets it by them.
    pub(crate) groups: Vec<GroupId>,
}

/// The hosts of a run as they were at one moment: what is compared with them is what gets jobs.
#[derive(Debug)]
pub(crate) struct Found(pub(super) Arranged);

impl Found {
    /// Where they lie.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> {
        self.0.hosts.iter().map(|host| host.target.place())
    }

    /// By name.
    pub(crate) fn shown(&self) -> Vec<(AgentId, String)> {
        let hosts = self.0.hosts.iter();
        let mut hosts: Vec<(AgentId, String)> = hosts
            .map(|host| (host.target.id, host.target.name.clone()))
            .collect();
        hosts.sort_unstable_by(|one, other| one.1.cmp(&other.1));
        hosts
    }
}

/// Where the values of its secrets come from.
#[derive(Debug, Clone)]
pub(crate) enum Kept {
    None,
    New(jobs::Secret),
    /// Those that another execution waits with already.
    Old(i64),
}

impl Prepared {
    /// Checks everything that needs no database. Returns the password that was drawn, if one was.
    pub(crate) fn new(app: &App, run: Run, mut values: Secrets) -> Result<(Self, Option<Zeroizing<String>>)> {
        check(&run)?;
        let drawn = secrets::complete(&run.work, &mut values)?;
        let secret = secrets::keep(app, &values)?.map_or(Kept::None, Kept::New);
        Ok((Self::with(run, secret)?, drawn))
    }

    /// Of what ran before.
    pub(crate) fn with(run: Run, secret: Kept) -> Result<Self> {
        let payload = serde_json::to_string(&run.work).map_err(|error| Error::Internal(error.to_string()))?;
        if let Some(problem) = too_large(&payload) {
            return Err(Error::invalid("payload", problem));
        }
        Ok(Self {
            digest: digest(payload.as_bytes()),
            payload,
            run,
            secret,
            again: None,
        })
    }

    pub(crate) fn carrying(mut self, carried: Carried) -> Self {
        self.again = Some(carried);
        self
    }

    pub(crate) fn by_schedule(mut self, id: ScheduleId) -> Self {
        self.run.origin.schedule = Some(id);
        self
    }

    /// Called after the action it comes from, with the version that runs; a draft has none.
    pub(crate) fn by_action(mut self, name: &str, origin: executions::ActionRun) -> Self {
        self.run.summary = Some(format!("{name}: {}", self.summary()));
        self.run.origin.action = Some(origin);
        self
    }

    /// As a step of a workflow, which hears of its end.
    pub(crate) fn by_instance(mut self, id: InstanceId) -> Self {
        self.run.origin.instance = Some(id);
        self
    }

    /// The same, on fewer hosts.
    pub(crate) fn only_on(mut self, hosts: Targets) -> Self {
        self.run.targets = hosts;
        self
    }

    /// The same, with another time for each job, which was checked when it was saved.
    pub(crate) fn within(mut self, timeout_seconds: u32) -> Self {
        self.run.timeout_seconds = Some(timeout_seconds);
        self
    }

    /// Of a script: the digest of its whole text, as it is told by the policy of an agent.
    pub(crate) fn content_sha256(&self) -> Option<String> {
        match &self.run.work {
            JobPayload::Script(script) => Some(digest(script.content.as_bytes())),
            _ => None,
        }
    }

    /// What it would do.
    pub(crate) fn shown(&self) -> Shown<'_> {
        let origin = &self.run.origin;
        Shown {
            summary: self.summary(),
            payload: &self.payload,
            timeout_seconds: self.run.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            script: origin.script,
            action: origin.action,
        }
    }

    /// Its hosts as they are now.
    pub(crate) async fn find(&self, tx: &mut Tx<'_>, author: &Author) -> Result<Found> {
        self.hosts(tx, author).await.map(Found)
    }

    /// The groups that its targets name, as far as they are there now, and the hosts that they guard.
    pub(crate) async fn groups(
        &self,
        tx: &mut Tx<'_>,
        author: &Author,
    ) -> Result<(Vec<GroupId>, Vec<(AgentId, GroupId)>)> {
        groups_of(tx, &author.reach, &author.groups, &self.run.targets).await
    }

    /// Whether there are hosts for it now, which can take its secrets. Returns the targets with ids for names.
    pub(crate) async fn check_targets(&self, tx: &mut Tx<'_>, author: &Author) -> Result<Targets> {
        Ok(self.checked_hosts(tx, author).await?.by_id)
    }

    /// Its hosts as they are now, all of which can take its secrets.
    pub(super) async fn checked_hosts(&self, tx: &mut Tx<'_>, author: &Author) -> Result<Arranged> {
        let arranged = self.hosts(tx, author).await?;
        self.check_secrets(&arranged)?;
        Ok(arranged)
    }

    pub(super) fn check_secrets(&self, on: &Arranged) -> Result<()> {
        match self.secret {
            Kept::None => Ok(()),
            Kept::New(_) | Kept::Old(_) => check_sealing(&on.hosts),
        }
    }

    pub(super) fn summary(&self) -> String {
        self.run
            .summary
            .clone()
            .unwrap_or_else(|| self.run.work.summary())
    }

    async fn hosts(&self, tx: &mut Tx<'_>, author: &Author) -> Result<Arranged> {
        let run = &self.run;
        let mut found = resolve(tx, &author.reach, &author.groups, &run.targets).await?;
        if let Some(again) = &self.again {
            found.guarded.extend(again.guarded.iter().copied());
            found.groups.extend(again.groups.iter().copied());
        }
        let keys = self.again.as_ref().map(|again| &again.keys);
        arrange(found, run.rolling.as_ref(), run.concurrency.as_ref(), keys)
    }
}

#[cfg(test)]
mod tests {
    use postern_protocol::{
        limits::{
            COMMAND_BYTES, COMMAND_VARIABLES, HTTP_BODY_BYTES, HTTP_HEADERS, HTTP_URL_BYTES, PARAMETER_BYTES,
            PAYLOAD_BYTES, SCRIPT_BYTES,
        },
        payload::{Command, HttpRequest, Language, Script},
    };

    use super::*;

    fn with(work: JobPayload) -> Result<Prepared> {
        Prepared::with(Run::everywhere(work), Kept::None)
    }

    fn script(content: &str) -> JobPayload {
        JobPayload::Script(Script::new(Language::Bash, content))
    }

    /// So many variables of 64 KiB.
    fn variables(count: usize, letter: &str) -> JobPayload {
        let variable = |number| (format!("A{number}"), letter.repeat(PARAMETER_BYTES));
        JobPayload::Command(Command {
            argv: vec!["true".into()],
            environment: (0..count).map(variable).collect(),
            ..Default::default()
        })
    }

    #[test]
    fn payloads_are_refused_beyond_the_bound_as_they_are_sent() {
        let of = |bytes: usize| with(script(&"x".repeat(bytes)));
        let empty = of(0).unwrap().payload;
        let around = empty.len() + empty.matches('"').count();
        assert!(of(PAYLOAD_BYTES - around).is_ok());
        for beyond in [
            of(PAYLOAD_BYTES - around + 1),
            with(variables(COMMAND_VARIABLES, "\u{1}")),
        ] {
            let Err(Error::Invalid(problems)) = beyond else {
                panic!("it is too large")
            };
            assert_eq!(problems[0].field, "payload");
            assert!(
                problems[0].message.contains(&PAYLOAD_BYTES.to_string()),
                "{problems:?}"
            );
        }
    }

    #[test]
    fn what_single_fields_can_hold_is_taken() {
        let request = |letter: &str| {
            JobPayload::HttpRequest(HttpRequest {
                method: "POST".into(),
                url: "https://web-1/".into(),
                headers: (0..HTTP_HEADERS)
                    .map(|number| (format!("X-{number}"), "\"".repeat(HTTP_URL_BYTES)))
                    .collect(),
                secret_headers: std::collections::BTreeMap::new(),
                body: Some(letter.repeat(HTTP_BODY_BYTES)),
                expected_status: Vec::new(),
                allow_invalid_certificate: false,
                extra_ca: None,
                max_redirects: None,
                max_answer_bytes: None,
            })
        };
        for letter in ["x", "\"", "\u{1}"] {
            for work in [
                script(&letter.repeat(SCRIPT_BYTES)),
                JobPayload::Command(Command {
                    argv: vec![letter.repeat(COMMAND_BYTES)],
                    ..Default::default()
                }),
                request(letter),
            ] {
                work.check().unwrap();
                with(work).unwrap();
            }
        }
        with(variables(COMMAND_VARIABLES, "x")).unwrap();
    }
}
