//! Lists of jobs.

use postern_domain::{
    Timestamp,
    job::{JobState, Priority},
    permission::Reach,
};

use super::{Job, priority_number, select};
use crate::{
    Error, ListQuery, Tx,
    agents::removal::AGENT_IS_THERE,
    engine::Value,
    list::{Select, contains, marks},
    pages::{Facet, Pages, Part, RANGES, Source, Texts},
};

#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub search: Option<String>,
    pub states: Vec<JobState>,
    pub kinds: Vec<String>,
    pub priorities: Vec<Priority>,
    pub agent_names: Vec<String>,
    pub agent_ids: Vec<i64>,
    pub organizations: Vec<String>,
    pub executions: Vec<i64>,
    pub scripts: Vec<i64>,
    pub schedules: Vec<i64>,
    pub created_from: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
}

const JOBS: Source = Source {
    from: "jobs j",
    id: "j.id",
    moment: "j.created_us",
    join: None,
};

/// By the time of their creation, without those of deleted agents. A cursor's key is that time in microseconds.
pub async fn list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    filter: &Filter,
    page: &ListQuery,
) -> Result<Vec<Job>, Error> {
    let pages = Pages {
        source: JOBS,
        facets: facets(tx, reach, filter).await?,
        from_us: filter.created_from.map(Timestamp::as_micros),
        before_us: filter.created_before.map(Timestamp::as_micros),
        condition: Some((AGENT_IS_THERE.to_owned(), Vec::new())),
    };
    let ids = pages.ids(tx, page).await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = Select::new(select!());
    select.and_in("j.id", ids.iter().copied());
    let (sql, values) = select.parts();
    let rows = tx.query(sql, values).await?;
    let mut jobs = rows
        .into_iter()
        .map(Job::from_row)
        .collect::<Result<Vec<_>, _>>()?;
    let place = |job: &Job| ids.iter().position(|id| *id == job.id.0);
    jobs.sort_by_cached_key(place);
    Ok(jobs)
}

async fn facets(tx: &mut Tx<'_>, reach: &Reach, filter: &Filter) -> Result<Vec<Facet>, Error> {
    let mut facets = Vec::new();
    if !filter.executions.is_empty() {
        facets.push(Facet::new("j.execution_id", filter.executions.iter().copied()));
    }
    if !(filter.agent_names.is_empty() && filter.agent_ids.is_empty()) {
        let mut ids = filter.agent_ids.clone();
        if !filter.agent_names.is_empty() {
            ids.extend(named(tx, "SELECT id FROM agents", &filter.agent_names).await?);
        }
        facets.push(Facet::new("j.agent_id", ids));
    }
    if !filter.schedules.is_empty() {
        facets.push(Facet::new("j.schedule_id", filter.schedules.iter().copied()));
    }
    if !filter.scripts.is_empty() {
        facets.push(Facet::new("j.script_id", filter.scripts.iter().copied()));
    }
    if let Some(text) = &filter.search {
        let summaries = found(tx, "j.payload_id", SUMMARIES, text).await?;
        let agents = found(tx, "j.agent_id", AGENTS, text).await?;
        facets.push(Facet::any(vec![summaries, agents]));
    }
    if !filter.organizations.is_empty() {
        let mut ids = named(tx, "SELECT id FROM organizations", &filter.organizations).await?;
        // Whoever sees organizations alone has nothing in others: that is known before a row is read.
        if !reach.everywhere && reach.tenants.is_empty() && reach.departments.is_empty() {
            ids.retain(|id| reach.organizations.iter().any(|own| own.0 == *id));
        }
        facets.push(Facet::new("j.organization_id", ids));
    }
    if !reach.everywhere {
        facets.push(Facet::any(vec![
            Part::these("j.tenant_id", reach.tenants.iter().copied()),
            Part::these("j.organization_id", reach.organizations.iter().copied()),
            Part::these("j.department_id", reach.departments.iter().copied()),
        ]));
    }
    if !filter.kinds.is_empty() {
        facets.push(Facet::new("j.type", filter.kinds.iter()));
    }
    if !filter.states.is_empty() {
        facets.push(Facet::new("j.state", filter.states.iter().copied()));
    }
    if !filter.priorities.is_empty() {
        let numbers = filter.priorities.iter().copied().map(priority_number);
        facets.push(Facet::new("j.priority", numbers));
    }
    Ok(facets)
}

pub(super) const SUMMARIES: Texts = Texts {
    table: "payloads",
    key: "payloads.id",
    condition: "lower(payloads.summary) LIKE ? ESCAPE '\\'",
};
const AGENTS: Texts = Texts {
    table: "agents",
    key: "agents.id",
    condition: "lower(agents.name) LIKE ? ESCAPE '\\'",
};

/// What a search finds in a table that jobs refer to: one by one, or by the condition where that would be many.
pub(super) async fn found(
    tx: &mut Tx<'_>,
    column: &'static str,
    texts: Texts,
    text: &str,
) -> Result<Part, Error> {
    let pattern: Value = contains(text).into();
    let Texts {
        table,
        key,
        condition,
    } = texts;
    let condition = condition.replace('?', "$1");
    let sql = format!("SELECT {key} FROM {table} WHERE {condition} LIMIT {}", RANGES + 1);
    let rows = tx.query(&sql, std::slice::from_ref(&pattern)).await?;
    if rows.len() > RANGES {
        return Ok(Part::Of(column, texts, vec![pattern]));
    }
    let ids = rows.into_iter().map(|row| row.read::<i64>(0));
    Ok(Part::these(column, ids.collect::<Result<Vec<_>, _>>()?))
}

async fn named(tx: &mut Tx<'_>, select: &str, names: &[String]) -> Result<Vec<i64>, Error> {
    let (marks, names) = marks(names);
    let mut select = Select::new(select);
    select.and(&format!("name IN ({marks})"), names);
    let (sql, values) = select.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}
