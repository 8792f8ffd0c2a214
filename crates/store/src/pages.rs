//! Pages of lists that grow without end: the ids of a page, found by the index of one filter.
//!
//! No planner is asked to guess. Every filter is a [`Facet`], and each of its values has an index in which its rows lie
//! in the order of the list: a page needs the first few of each. Of several facets the one with the fewest rows leads,
//! as far as a bounded count can tell, and the others are looked at row by row. So an answer costs what its page costs,
//! however many rows there are, unless two facets have many rows each and hardly any in common.
//!
//! Both engines are kept to it by what is written: the rows of a value are sorted by that value too, which only its own
//! index gives, and the other conditions stand in a CASE, behind which no planner looks.

use std::collections::BTreeSet;

use crate::{
    Engine, Error, ListQuery, SortDirection, Tx,
    engine::Value,
    list::{IDS, marks},
};

/// Values that lead one by one. For more (a search that finds a lot) the newest rows are gone through first.
pub(crate) const RANGES: usize = 64;
/// Rows counted of each part of a facet: first so many, and more only when every facet has more. One that has fewer
/// is read to its end in no time.
const COUNTED: [i64; 2] = [2_000, 20_000];
/// A facet with fewer rows leads without a look at the others.
const FEW: i64 = 200;
/// Newest rows gone through for a facet of many values.
const WALKED: u32 = 20_000;
/// Rows of a page are asked for in steps: each number in a text is another statement, and PostgreSQL plans another way
/// where it does not know the number.
const STEPS: [u32; 4] = [51, 101, 201, 501];

/// Where rows are read, and the columns that give their order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) from: &'static str,
    pub(crate) id: &'static str,
    /// Microseconds, before the id; the id itself where that alone gives the order.
    pub(crate) moment: &'static str,
    /// Of a table beside the list's own: that one, and how the two belong together. A row may come more than once.
    pub(crate) join: Option<(&'static str, &'static str)>,
}

/// What a row must have: in any of these columns any of the values.
#[derive(Debug, Clone)]
pub(crate) struct Facet {
    parts: Vec<Part>,
    /// Where it leads, if not in the list's own table. Such a facet finds rows and decides nothing.
    beside: Option<Source>,
}

#[derive(Debug, Clone)]
pub(crate) enum Part {
    These(&'static str, Vec<Value>),
    /// The keys of the rows of a table that fulfil a condition, which has a `?` for each of its values.
    Of(&'static str, Texts, Vec<Value>),
}

/// A table whose texts are searched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts {
    pub(crate) table: &'static str,
    pub(crate) key: &'static str,
    pub(crate) condition: &'static str,
}

impl Part {
    pub(crate) fn these<V: Into<Value>>(column: &'static str, values: impl IntoIterator<Item = V>) -> Self {
        Self::These(column, values.into_iter().map(Into::into).collect())
    }

    /// How many values; beyond all bounds where nobody has counted them.
    fn len(&self) -> usize {
        match self {
            Self::These(_, values) => values.len(),
            Self::Of(..) => RANGES + 1,
        }
    }

    const fn column(&self) -> &'static str {
        match self {
            Self::These(column, _) | Self::Of(column, ..) => column,
        }
    }

    /// That `column`, which may be another name of its own, has one of the values.
    fn condition(&self, sql: &mut Sql, column: &str) -> String {
        let wanted = match self {
            Self::These(_, values) => {
                let (_, values) = marks(values.iter().cloned());
                let values: Vec<String> = values.into_iter().map(|value| sql.bind(value)).collect();
                values.join(", ")
            }
            Self::Of(_, texts, values) => {
                let Texts {
                    table,
                    key,
                    condition,
                } = texts;
                let condition = sql.fill(condition, values);
                format!("SELECT {key} FROM {table} WHERE {condition}")
            }
        };
        format!("{column} IN ({wanted})")
    }

    /// The same for a row that is looked at by the way. PostgreSQL is asked for its text only, and does not search all
    /// texts for a few rows; SQLite does that faster.
    fn check(&self, sql: &mut Sql, column: &str, engine: Engine) -> String {
        match (self, engine) {
            (Self::Of(_, texts, values), Engine::Postgres) => {
                let Texts {
                    table,
                    key,
                    condition,
                } = texts;
                let condition = sql.fill(condition, values);
                format!(
                    "EXISTS (SELECT 1 FROM {table} WHERE {key} BETWEEN {column} AND {column} AND {condition})"
                )
            }
            _ => self.condition(sql, column),
        }
    }
}

impl Facet {
    pub(crate) fn new<V: Into<Value>>(column: &'static str, values: impl IntoIterator<Item = V>) -> Self {
        Self::any(vec![Part::these(column, values)])
    }

    pub(crate) fn any(parts: Vec<Part>) -> Self {
        let parts = parts.into_iter().filter(|part| part.len() > 0).collect();
        Self { parts, beside: None }
    }

    pub(crate) fn beside(mut self, source: Source) -> Self {
        self.beside = Some(source);
        self
    }

    fn specific(&self) -> bool {
        self.parts.iter().map(Part::len).sum::<usize>() <= RANGES
    }
}

/// A list. Its facets come in the order of what they tell.
#[derive(Debug, Clone)]
pub(crate) struct Pages {
    pub(crate) source: Source,
    pub(crate) facets: Vec<Facet>,
    /// Bounds of `moment`: from the first on, and before the second.
    pub(crate) from_us: Option<i64>,
    pub(crate) before_us: Option<i64>,
    /// What else a row must fulfil, with a `?` for each value.
    pub(crate) condition: Option<(String, Vec<Value>)>,
}

impl Pages {
    /// Ids of a page and of one row more, in their order.
    pub(crate) async fn ids(&self, tx: &mut Tx<'_>, page: &ListQuery) -> Result<Vec<i64>, Error> {
        if self.facets.iter().any(|facet| facet.parts.is_empty()) {
            return Ok(Vec::new());
        }
        let rows = page.limit.saturating_add(1);
        let limit = STEPS.into_iter().find(|step| *step >= rows).unwrap_or(rows);
        let lead = self.lead(tx).await?;
        let mut ids = match lead.filter(|facet| !facet.specific()) {
            Some(facet) => {
                let newest = self.among_newest(tx, page, facet, limit).await?;
                if newest.len() >= rows as usize {
                    newest
                } else {
                    self.of_all(tx, page, facet, limit).await?
                }
            }
            None => self.by_value(tx, page, lead, limit).await?,
        };
        ids.truncate(rows as usize);
        Ok(ids)
    }

    /// The same of rows that are known to be all there are, in a list that is in the order of its ids.
    pub(crate) async fn ids_among(
        &self,
        tx: &mut Tx<'_>,
        page: &ListQuery,
        known: &BTreeSet<i64>,
    ) -> Result<Vec<i64>, Error> {
        if self.facets.iter().any(|facet| facet.parts.is_empty()) {
            return Ok(Vec::new());
        }
        let place = page.cursor.as_ref().map(|cursor| cursor.id);
        let known = known.iter().copied();
        let known: Vec<i64> = match page.direction {
            SortDirection::Ascending => known.filter(|id| place.is_none_or(|place| *id > place)).collect(),
            SortDirection::Descending => known
                .rev()
                .filter(|id| place.is_none_or(|place| *id < place))
                .collect(),
        };
        let Source { id, moment, .. } = self.source;
        let rows = page.limit.saturating_add(1) as usize;
        let mut ids = Vec::new();
        for part in known.chunks(IDS) {
            let mut sql = Sql::default();
            let these = Part::these(id, part.iter().copied()).condition(&mut sql, id);
            let others = self.others(tx.engine(), &mut sql, None, self.source);
            let wanted = unsorted(self.source, "", &[vec![these], others].concat());
            let order = order(page, self.source, id, moment, None);
            ids.extend(sql.ids(tx, &format!("{wanted}{order}")).await?);
            if ids.len() >= rows {
                break;
            }
        }
        ids.truncate(rows);
        Ok(ids)
    }

    /// The facet whose index is gone through; one of many values only when it is alone.
    async fn lead(&self, tx: &mut Tx<'_>) -> Result<Option<&Facet>, Error> {
        if self.facets.len() < 2 {
            return Ok(self.facets.first());
        }
        let mut best: Option<(&Facet, i64)> = None;
        for limit in COUNTED {
            best = None;
            for facet in &self.facets {
                let rows = match facet.specific() {
                    true => self.count(tx, facet, limit).await?,
                    false => i64::MAX,
                };
                if best.is_none_or(|(_, fewest)| rows < fewest) {
                    best = Some((facet, rows));
                }
                if rows < FEW {
                    break;
                }
            }
            if best.is_some_and(|(_, fewest)| fewest < limit) {
                break;
            }
        }
        Ok(best.map(|(facet, _)| facet))
    }

    async fn count(&self, tx: &mut Tx<'_>, facet: &Facet, limit: i64) -> Result<i64, Error> {
        let mut sql = Sql::default();
        let from = facet.beside.unwrap_or(self.source).from;
        let mut parts = Vec::new();
        for part in &facet.parts {
            let wanted = part.condition(&mut sql, part.column());
            parts.push(format!(
                "SELECT 1 FROM (SELECT 1 FROM {from} WHERE {wanted} LIMIT {limit}) AS part"
            ));
        }
        let text = format!("SELECT count(*) FROM ({}) AS found", parts.join(" UNION ALL "));
        tx.query_one(&text, &sql.values).await?.read(0)
    }

    /// The first rows of each of the lead's values, and of those the first.
    async fn by_value(
        &self,
        tx: &mut Tx<'_>,
        page: &ListQuery,
        lead: Option<&Facet>,
        limit: u32,
    ) -> Result<Vec<i64>, Error> {
        let mut sql = Sql::default();
        let source = lead.and_then(|facet| facet.beside).unwrap_or(self.source);
        let bounds = self.bounds(&mut sql, page, source)?;
        let others = self.others(tx.engine(), &mut sql, lead, source);
        let mut ranges = Vec::new();
        for part in lead.into_iter().flat_map(|facet| &facet.parts) {
            if let Part::These(column, values) = part {
                // Filled up to a few lengths, so that statements are shared.
                let (_, values) = marks(values.iter().cloned());
                for value in values {
                    let own = Some((*column, sql.bind(value)));
                    let conditions = [bounds.texts(source, own.as_ref()), others.clone()].concat();
                    ranges.push(range(source, "", page, own.as_ref(), &conditions, limit));
                }
            }
        }
        let text = match &ranges[..] {
            [] => {
                let conditions = [bounds.texts(source, None), others].concat();
                range(source, "", page, None, &conditions, limit)
            }
            [one] => one.clone(),
            _ => first_of(page, source, &ranges, limit),
        };
        sql.ids(tx, &text).await
    }

    /// Rows of a facet of many values among the newest of all.
    async fn among_newest(
        &self,
        tx: &mut Tx<'_>,
        page: &ListQuery,
        facet: &Facet,
        limit: u32,
    ) -> Result<Vec<i64>, Error> {
        let mut sql = Sql::default();
        let bounds = self.bounds(&mut sql, page, self.source)?;
        let others = self.others(tx.engine(), &mut sql, Some(facet), self.source);
        let conditions = [bounds.texts(self.source, None), others].concat();
        // What a facet beside means is among the others.
        let parts = if facet.beside.is_some() {
            &[][..]
        } else {
            &facet.parts
        };
        let mut columns = String::new();
        let mut wanted = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            columns.push_str(&format!(", {} AS c{number}", part.column()));
            // Looked at row by row until the page is full: as a join PostgreSQL would compare all texts with all rows.
            wanted.push(hidden(&part.check(
                &mut sql,
                &format!("w.c{number}"),
                tx.engine(),
            )));
        }
        let wanted = match &wanted[..] {
            [] => String::new(),
            _ => format!(" WHERE {}", wanted.join(" OR ")),
        };
        let newest = range(self.source, &columns, page, None, &conditions, WALKED);
        let order = order(page, self.source, "w.id", "w.moment", None);
        let text = format!("SELECT w.id, w.moment FROM ({newest}) AS w{wanted}{order} LIMIT {limit}");
        sql.ids(tx, &text).await
    }

    /// Every row of a facet of many values, sorted.
    async fn of_all(
        &self,
        tx: &mut Tx<'_>,
        page: &ListQuery,
        facet: &Facet,
        limit: u32,
    ) -> Result<Vec<i64>, Error> {
        let mut sql = Sql::default();
        let source = facet.beside.unwrap_or(self.source);
        let bounds = self.bounds(&mut sql, page, source)?.texts(source, None);
        let others = self.others(tx.engine(), &mut sql, Some(facet), source);
        let mut ranges = Vec::new();
        for part in &facet.parts {
            let own = part.condition(&mut sql, part.column());
            let conditions = [&[own], &bounds[..], &others[..]].concat();
            ranges.push(unsorted(source, "", &conditions));
        }
        let text = first_of(page, source, &ranges, limit);
        sql.ids(tx, &text).await
    }

    /// The facets that do not lead, and the condition.
    fn others(&self, engine: Engine, sql: &mut Sql, lead: Option<&Facet>, source: Source) -> Vec<String> {
        let mut conditions: Vec<String> = source.join.iter().map(|(_, rule)| (*rule).to_owned()).collect();
        for facet in &self.facets {
            if lead.is_some_and(|lead| std::ptr::eq(lead, facet)) || facet.beside.is_some() {
                continue;
            }
            let parts: Vec<String> = facet
                .parts
                .iter()
                .map(|part| part.check(sql, part.column(), engine))
                .collect();
            conditions.push(hidden(&parts.join(" OR ")));
        }
        if let Some((condition, values)) = &self.condition {
            conditions.push(hidden(&sql.fill(condition, values)));
        }
        conditions
    }

    fn bounds(&self, sql: &mut Sql, page: &ListQuery, source: Source) -> Result<Bounds, Error> {
        use SortDirection::{Ascending, Descending};
        let (mut from, mut before) = (self.from_us, self.before_us);
        let mut place = None;
        if let Some(cursor) = &page.cursor {
            let by_id = source.id == source.moment;
            let moment: Option<i64> = match by_id {
                true => None,
                false => Some(cursor.key.parse().map_err(|_| Error::Cursor)?),
            };
            // Of each side only the tighter bound: an engine may take either for its index.
            let tighter = match (page.direction, moment) {
                (_, None) => true,
                (Ascending, Some(at)) => from.is_none_or(|from| at >= from),
                (Descending, Some(at)) => before.is_none_or(|before| at < before),
            };
            if tighter {
                match page.direction {
                    Ascending => from = None,
                    Descending => before = None,
                }
                let values = moment.into_iter().chain([cursor.id]);
                place = Some(values.map(|value| sql.bind(value.into())).collect());
            }
        }
        let mut bounds = Bounds {
            lower: from.map(|from| (">=", vec![sql.bind(from.into())])),
            upper: before.map(|before| ("<", vec![sql.bind(before.into())])),
        };
        if let Some(place) = place {
            match page.direction {
                Ascending => bounds.lower = Some((">", place)),
                Descending => bounds.upper = Some(("<", place)),
            }
        }
        Ok(bounds)
    }
}

/// Where the rows of a page lie: a comparison with values of the moment and perhaps of the id.
#[derive(Debug, Default)]
struct Bounds {
    lower: Option<(&'static str, Vec<String>)>,
    upper: Option<(&'static str, Vec<String>)>,
}

/// A column and the placeholder of its value.
type Own = (&'static str, String);

impl Bounds {
    /// Of the rows that have this value, or of all.
    fn texts(&self, source: Source, own: Option<&Own>) -> Vec<String> {
        let order: &[&str] = if source.id == source.moment {
            &[source.id]
        } else {
            &[source.moment, source.id]
        };
        let text = |bound: &Option<(&'static str, Vec<String>)>, alone: &'static str| {
            let (compare, place) = match (bound, own) {
                (Some((compare, place)), _) => (*compare, &place[..]),
                (None, Some(_)) => (alone, &[][..]),
                (None, None) => return None,
            };
            let columns: Vec<&str> = own
                .iter()
                .map(|(column, _)| *column)
                .chain(order.iter().copied().take(place.len()))
                .collect();
            let values: Vec<&str> = own
                .iter()
                .map(|(_, value)| value.as_str())
                .chain(place.iter().map(String::as_str))
                .collect();
            Some(match (&columns[..], &values[..]) {
                ([column], [value]) => format!("{column} {compare} {value}"),
                _ => format!("({}) {compare} ({})", columns.join(", "), values.join(", ")),
            })
        };
        [text(&self.lower, ">="), text(&self.upper, "<=")]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// So that nobody looks for rows by it: a condition of each row, which half of them may fulfil.
fn hidden(condition: &str) -> String {
    format!("CASE WHEN {condition} THEN TRUE ELSE FALSE END")
}

/// The first rows, in order. `columns`: more of each row, with a comma in front.
fn range(
    source: Source,
    columns: &str,
    page: &ListQuery,
    own: Option<&Own>,
    conditions: &[String],
    limit: u32,
) -> String {
    let mut columns = columns.to_owned();
    if let (Some(_), Some((column, _))) = (source.join, own) {
        // PostgreSQL tells rows apart by what they are sorted by.
        columns.push_str(&format!(", {column} AS own"));
    }
    let order = order(page, source, source.id, source.moment, own);
    format!("{}{order} LIMIT {limit}", unsorted(source, &columns, conditions))
}

fn unsorted(source: Source, columns: &str, conditions: &[String]) -> String {
    let Source {
        from,
        id,
        moment,
        join,
    } = source;
    // SQLite reads the tables of a CROSS JOIN in their order.
    let (distinct, beside) = match join {
        Some((table, _)) => ("DISTINCT ", format!(" CROSS JOIN {table}")),
        None => ("", String::new()),
    };
    let wanted = match conditions {
        [] => String::new(),
        _ => format!(" WHERE {}", conditions.join(" AND ")),
    };
    format!("SELECT {distinct}{id} AS id, {moment} AS moment{columns} FROM {from}{beside}{wanted}")
}

/// Of the rows of several statements the first, each once.
fn first_of(page: &ListQuery, source: Source, statements: &[String], limit: u32) -> String {
    let parts: Vec<String> = statements
        .iter()
        .map(|one| format!("SELECT id, moment FROM ({one}) AS part"))
        .collect();
    let order = order(page, source, "id", "moment", None);
    format!(
        "SELECT id, moment FROM ({}) AS found{order} LIMIT {limit}",
        parts.join(" UNION ")
    )
}

fn order(page: &ListQuery, source: Source, id: &str, moment: &str, own: Option<&Own>) -> String {
    let way = match page.direction {
        SortDirection::Ascending => "ASC",
        SortDirection::Descending => "DESC",
    };
    let mut columns: Vec<&str> = own.iter().map(|(column, _)| *column).collect();
    if source.id != source.moment {
        columns.push(moment);
    }
    columns.push(id);
    let columns: Vec<String> = columns.iter().map(|column| format!("{column} {way}")).collect();
    format!(" ORDER BY {}", columns.join(", "))
}

/// The values of a statement whose text names each as often as it likes.
#[derive(Debug, Default)]
struct Sql {
    values: Vec<Value>,
}

impl Sql {
    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn fill(&mut self, text: &str, values: &[Value]) -> String {
        let mut values = values.iter();
        let mut out = String::with_capacity(text.len());
        for part in text.split_inclusive('?') {
            match part.strip_suffix('?') {
                Some(before) => {
                    out.push_str(before);
                    let value = values.next().expect("a value for each placeholder");
                    out.push_str(&self.bind(value.clone()));
                }
                None => out.push_str(part),
            }
        }
        out
    }

    async fn ids(&self, tx: &mut Tx<'_>, text: &str) -> Result<Vec<i64>, Error> {
        tx.query(text, &self.values)
            .await?
            .into_iter()
            .map(|row| row.read(0))
            .collect()
    }
}

#[cfg(test)]
mod tests;
