//! (g) What a person who looks at a year's jobs waits for: lists with each filter that the pages offer, their first
//! page and one from the middle of the year, as somebody who sees everything and as members of one organization.

use std::time::Duration;

use anyhow::{Context as _, Result};
use postern_api::ListRequest;
use postern_client::Client;
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    arguments::StoredSize,
    clock,
    programs::Server,
    progress::say,
    spread::Spread,
    stored::{DAYS, ORGANIZATIONS},
};

/// A question that takes long is asked less often.
const EACH_AT_MOST: Duration = Duration::from_secs(4);

#[derive(Debug, Serialize)]
pub(crate) struct Lists {
    how: &'static str,
    pub(crate) worst: Question,
    questions: Vec<Question>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Question {
    /// Who asked.
    caller: &'static str,
    list: &'static str,
    asked: String,
    page: &'static str,
    rows: usize,
    pub(crate) ms: Spread,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum List {
    Jobs,
    Executions,
}

impl List {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Executions => "executions",
        }
    }

    /// Rows of the answer, and the cursor of the next page.
    pub(crate) async fn ask(self, client: &Client, request: &ListRequest) -> Result<(usize, Option<String>)> {
        Ok(match self {
            Self::Jobs => {
                let page = client.job_list(request).await?;
                (page.items.len(), page.next_cursor)
            }
            Self::Executions => {
                let page = client.execution_list(request).await?;
                (page.items.len(), page.next_cursor)
            }
        })
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Caller {
    Everywhere,
    /// Of a middling organization.
    Member,
    /// Of one with a thousandth of all agents.
    MemberOfSmall,
}

impl Caller {
    const ALL: [Self; 3] = [Self::Everywhere, Self::Member, Self::MemberOfSmall];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Everywhere => "everywhere",
            Self::Member => "member of cologne",
            Self::MemberOfSmall => "member of trier",
        }
    }
}

/// As this caller. For the two who are not the administrator a user is made, or made again.
pub(crate) async fn client(server: &Server, caller: Caller) -> Result<Client> {
    let organization = match caller {
        Caller::Everywhere => return Ok(server.client.clone()),
        Caller::Member => "cologne",
        Caller::MemberOfSmall => "trier",
    };
    let organizations = server.client.organization_list(&ListRequest::default()).await?;
    let found = organizations
        .items
        .iter()
        .find(|found| found.name == organization);
    let id = found
        .with_context(|| format!("no organization {organization}"))?
        .id;
    let scope = serde_json::json!({"kind": "organization", "id": id});
    server.user(organization, "operator", scope).await
}

/// Everything that is asked.
pub(crate) fn questions() -> Vec<(List, ListRequest)> {
    let of = |list: List, all: Vec<ListRequest>| all.into_iter().map(move |request| (list, request));
    of(List::Jobs, jobs(middle()))
        .chain(of(List::Executions, executions()))
        .collect()
}

fn middle() -> jiff::Timestamp {
    clock::now() - jiff::SignedDuration::from_hours(24 * DAYS.cast_signed() / 2)
}

pub(crate) async fn measure(server: &Server, size: StoredSize) -> Result<Lists> {
    let asked = questions();
    let in_jobs = cursor(&server.client, List::Jobs).await?;
    let in_executions = cursor(&server.client, List::Executions).await?;
    let mut questions = Vec::new();
    for caller in Caller::ALL {
        let client = client(server, caller).await?;
        for (list, request) in &asked {
            let cursor = match list {
                List::Jobs => &in_jobs,
                List::Executions => &in_executions,
            };
            for (page, cursor) in [("first", None), ("middle", Some(cursor))] {
                let request = ListRequest {
                    cursor: cursor.cloned(),
                    ..request.clone()
                };
                let (rows, ms) = timed(&client, *list, &request, size.list_runs).await?;
                questions.push(Question {
                    caller: caller.name(),
                    list: list.name(),
                    asked: words(&request),
                    page,
                    rows,
                    ms,
                });
            }
        }
    }
    questions.sort_by(|one, other| other.ms.p95.total_cmp(&one.ms.p95));
    for question in questions.iter().take(12) {
        let Question {
            caller,
            list,
            asked,
            page,
            rows,
            ms,
        } = question;
        say(format!(
            "    {list}: {asked}, {page} page, {caller}, {rows} rows: {ms}"
        ));
    }
    Ok(Lists {
        how: "GET until the answer was read, one after the other, pages of 50; worst first",
        worst: questions.first().context("questions were asked")?.clone(),
        questions,
    })
}

async fn timed(client: &Client, list: List, request: &ListRequest, runs: usize) -> Result<(usize, Spread)> {
    let began = Instant::now();
    let mut times = Vec::with_capacity(runs);
    let mut rows = 0;
    // The first one is as good as any: nobody warms up for a person.
    while times.len() < runs && (times.is_empty() || began.elapsed() < EACH_AT_MOST) {
        let begun = Instant::now();
        rows = list.ask(client, request).await?.0;
        times.push(begun.elapsed());
    }
    Ok((rows, Spread::of(times).context("it was asked")?))
}

/// A place in the middle of the whole list: the cursor of a page that ends there.
async fn cursor(client: &Client, list: List) -> Result<String> {
    let (limit, filter) = match list {
        List::Jobs => (50, ("created_before", middle().to_string())),
        // Their list has no filter by time, but some schedules have executions all over the year.
        List::Executions => (16, ("schedule", "77".to_owned())),
    };
    let request = ListRequest {
        limit: Some(limit),
        ..filtered(&[(filter.0, &filter.1)])
    };
    if let (_, Some(next)) = list.ask(client, &request).await? {
        return Ok(next);
    }
    let (_, next) = list.ask(client, &ListRequest::default()).await?;
    next.context("there is more than a page")
}

fn filtered(filters: &[(&str, &str)]) -> ListRequest {
    let filter = filters
        .iter()
        .map(|(field, value)| ((*field).to_owned(), (*value).to_owned()));
    ListRequest {
        filter: filter.collect(),
        ..ListRequest::default()
    }
}

fn search(text: &str, filters: &[(&str, &str)]) -> ListRequest {
    ListRequest {
        search: Some(text.into()),
        ..filtered(filters)
    }
}

pub(crate) fn words(request: &ListRequest) -> String {
    let mut words: Vec<String> = Vec::new();
    for (field, value) in &request.filter {
        words.push(format!("{field}:{value}"));
    }
    words.extend(request.search.iter().map(|text| format!("search {text:?}")));
    words.extend(request.sort.iter().map(|sort| format!("sort {sort}")));
    if words.is_empty() {
        words.push("all".into());
    }
    words.join(" ")
}

/// The first execution is one for all agents, and the schedule 1 has the most.
fn jobs(middle: jiff::Timestamp) -> Vec<ListRequest> {
    let hour = jiff::SignedDuration::from_hours(1);
    let (from, before) = (middle.to_string(), (middle + hour).to_string());
    let small = ORGANIZATIONS[8].0;
    let mut all = vec![
        ListRequest::default(),
        ListRequest {
            sort: Some("created_at".into()),
            ..ListRequest::default()
        },
    ];
    let filters: &[&[(&str, &str)]] = &[
        &[("state", "completed")],
        &[("state", "failed")],
        &[("state", "unknown")],
        &[("state", "failed,timeout,unknown")],
        &[("state", "queued,pending,running")],
        &[("type", "script")],
        &[("type", "user_control")],
        &[("type", "group_control,process_control")],
        &[("priority", "critical")],
        &[("agent", "host-100077")],
        &[("agent", "host-100077,host-100177,host-100277")],
        &[("organization", "default")],
        &[("organization", small)],
        &[("organization", "trier,essen,leipzig")],
        &[("execution", "1")],
        &[("execution", "1"), ("state", "failed,timeout,unknown")],
        &[("schedule", "1")],
        &[("schedule", "77")],
        &[("schedule", "1"), ("state", "unknown")],
        &[("script", "7")],
        &[("script", "7"), ("state", "failed")],
        &[("created_from", &from), ("created_before", &before)],
        &[("created_before", &from)],
        &[("created_from", &from), ("state", "unknown")],
        &[("type", "group_control"), ("state", "unknown")],
        &[("type", "command"), ("state", "failed")],
        &[("agent", "host-100077"), ("state", "failed")],
        &[("organization", small), ("state", "unknown")],
        &[("organization", small), ("type", "group_control")],
        &[("priority", "critical"), ("state", "cancelled")],
    ];
    all.extend(filters.iter().map(|filters| filtered(filters)));
    all.extend([
        search("nightly", &[]),
        search("Nightly Task 4711", &[]),
        search("host-10004", &[]),
        search("data", &[("state", "unknown")]),
        search("nothing is called this", &[]),
    ]);
    all
}

fn executions() -> Vec<ListRequest> {
    let mut all = vec![
        ListRequest::default(),
        ListRequest {
            sort: Some("created_at".into()),
            ..ListRequest::default()
        },
    ];
    let filters: &[&[(&str, &str)]] = &[
        &[("type", "script")],
        &[("type", "group_control")],
        &[("schedule", "1")],
        &[("schedule", "77")],
        &[("script", "7")],
        &[("script", "7"), ("type", "script")],
        &[("outcome", "running")],
        &[("outcome", "failed")],
        &[("outcome", "cancelled")],
        &[("outcome", "completed")],
        &[("outcome", "failed"), ("script", "7")],
    ];
    all.extend(filters.iter().map(|filters| filtered(filters)));
    all.extend([
        search("nightly", &[]),
        search("Nightly Task 4711", &[]),
        search("nothing is called this", &[]),
    ]);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_named_by_what_it_asks_for() {
        for (request, expected) in [
            (ListRequest::default(), "all"),
            (filtered(&[("state", "failed,timeout")]), "state:failed,timeout"),
            (search("df", &[("type", "command")]), "type:command search \"df\""),
        ] {
            assert_eq!(words(&request), expected);
        }
    }
}
