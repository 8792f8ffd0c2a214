//! Several operations side by side in one transaction of PostgreSQL.
//!
//! Each goes on until it waits for an answer. When all of them wait, what they have asked goes out at once: in the order of
//! each, and what several ask in the same words as one statement over all of their values. Either all of them are kept or
//! none.
//!
//! Locks keep nobody from a row that another of the same transaction has locked. So a write says which rows it will change
//! ([`Tx::mine`]), and a row is one write's only: otherwise nothing of the whole is kept.

use std::{
    collections::{HashMap, VecDeque},
    future::poll_fn,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, try_join_all},
};
use tokio::sync::oneshot;

use super::{
    Access, Row, Tx, Value, pieces, postgres,
    session::{Asked, Session},
    sets::{Over, over},
};
use crate::Error;

/// Statements whose form over many sets of values is kept.
const FORMS: usize = 1024;

/// What statements become over many sets of values.
#[derive(Debug, Default)]
pub(super) struct Forms(Mutex<HashMap<String, Option<Over>>>);

impl Forms {
    /// One that nobody else asks needs none.
    async fn of_several(
        &self,
        session: &mut Session,
        sql: &str,
        count: usize,
    ) -> Result<Option<Over>, Error> {
        match count {
            1 => Ok(None),
            _ => self.of(session, sql).await,
        }
    }

    async fn of(&self, session: &mut Session, sql: &str) -> Result<Option<Over>, Error> {
        let known = locked(&self.0).get(sql).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let form = over(sql, &session.types(sql).await?);
        let taken = match &form {
            Some(form) => session.types(form.sql()).await.map(|_| ()),
            None => Ok(()),
        };
        let taken = taken.map_err(Error::from);
        if taken.as_ref().is_err_and(Error::is_transient) {
            // It is about the moment, and not about the form.
            return taken.map(|()| None);
        }
        let mut forms = locked(&self.0);
        if forms.len() >= FORMS {
            forms.clear();
        }
        // One that PostgreSQL does not take ends this transaction, and no other.
        forms.insert(sql.to_owned(), form.clone().filter(|_| taken.is_ok()));
        taken?;
        Ok(form)
    }
}

/// Something that a write wants done.
#[derive(Debug)]
enum Wish {
    Query(String, Vec<Value>, oneshot::Sender<Vec<Row>>),
    Execute(String, Vec<Value>, oneshot::Sender<u64>),
    Later(String, Vec<Value>),
    Rows(Insert, Vec<Vec<Value>>),
}

/// An INSERT around its rows.
#[derive(Debug, PartialEq, Eq)]
struct Insert {
    head: String,
    casts: Vec<String>,
    tail: String,
}

/// What those who share a transaction have asked, and what is whose.
#[derive(Debug, Default)]
struct Shared {
    wishes: Vec<VecDeque<Wish>>,
    owners: HashMap<(&'static str, i64), usize>,
}

/// One of those who share a transaction.
#[derive(Debug)]
pub(crate) struct Member {
    shared: Arc<Mutex<Shared>>,
    number: usize,
    /// It has locked rows and not said which.
    owes: bool,
}

impl Member {
    /// Before each statement, and at the end.
    pub(super) fn settled(&self) -> Result<(), Error> {
        match self.owes {
            true => Err(Error::Statement(
                "it does not say which rows it has locked".into(),
            )),
            false => Ok(()),
        }
    }

    pub(super) fn mine(&mut self, table: &'static str, ids: &[i64]) -> Result<(), Error> {
        self.owes = false;
        let owners = &mut locked(&self.shared).owners;
        let foreign = ids
            .iter()
            .any(|id| *owners.entry((table, *id)).or_insert(self.number) != self.number);
        match foreign {
            true => Err(Error::Statement(
                "another one of the transaction has the row".into(),
            )),
            false => Ok(()),
        }
    }

    fn wish(&self, wish: Wish) {
        locked(&self.shared).wishes[self.number].push_back(wish);
    }

    pub(super) async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        let (answer, answered) = oneshot::channel();
        self.wish(Wish::Execute(sql.to_owned(), values.to_vec(), answer));
        answered.await.map_err(|_| Error::Aborted)
    }

    pub(super) fn execute_later(&mut self, sql: &str, values: Vec<Value>) {
        self.wish(Wish::Later(sql.to_owned(), values));
    }

    pub(super) fn many_later(&mut self, head: &str, casts: &[&str], tail: &str, rows: Vec<Vec<Value>>) {
        let insert = Insert {
            head: head.to_owned(),
            casts: casts.iter().map(|cast| (*cast).to_owned()).collect(),
            tail: tail.to_owned(),
        };
        self.wish(Wish::Rows(insert, rows));
    }

    pub(super) async fn query_each(
        &mut self,
        queries: &[(&str, Vec<Value>)],
    ) -> Result<Vec<Vec<Row>>, Error> {
        let mut waiting = Vec::with_capacity(queries.len());
        for (sql, values) in queries {
            let (answer, answered) = oneshot::channel();
            self.owes |= [" FOR NO KEY UPDATE", " FOR UPDATE"]
                .iter()
                .any(|lock| sql.contains(lock));
            self.wish(Wish::Query((*sql).to_owned(), values.clone(), answer));
            waiting.push(answered);
        }
        let mut answers = Vec::with_capacity(waiting.len());
        for answered in waiting {
            answers.push(answered.await.map_err(|_| Error::Aborted)?);
        }
        Ok(answers)
    }
}

/// What several writes ask in the same words.
#[derive(Debug)]
enum Common {
    Query(String, Vec<(Vec<Value>, oneshot::Sender<Vec<Row>>)>),
    Execute(String, Vec<Value>, oneshot::Sender<u64>),
    Later(String, Vec<Vec<Value>>),
    Rows(Insert, Vec<Vec<Value>>),
}

impl Common {
    /// Takes a wish in that is the same, or gives it back.
    fn add(&mut self, wish: Wish) -> Option<Wish> {
        match (self, wish) {
            (Self::Query(sql, all), Wish::Query(same, values, answer)) if *sql == same => {
                all.push((values, answer));
            }
            (Self::Later(sql, all), Wish::Later(same, values)) if *sql == same => all.push(values),
            (Self::Rows(insert, all), Wish::Rows(same, mut rows)) if *insert == same => all.append(&mut rows),
            (_, wish) => return Some(wish),
        }
        None
    }
}

impl From<Wish> for Common {
    fn from(wish: Wish) -> Self {
        match wish {
            Wish::Query(sql, values, answer) => Self::Query(sql, vec![(values, answer)]),
            Wish::Execute(sql, values, answer) => Self::Execute(sql, values, answer),
            Wish::Later(sql, values) => Self::Later(sql, vec![values]),
            Wish::Rows(insert, rows) => Self::Rows(insert, rows),
        }
    }
}

/// In the order of each, with what is next for several and the same taken together. Those who have most to ask go ahead:
/// the others find their places beside them.
fn in_common(mut wishes: Vec<VecDeque<Wish>>) -> Vec<Common> {
    let mut all = Vec::new();
    loop {
        let longest = wishes.iter_mut().rev().max_by_key(|queue| queue.len());
        let Some(wish) = longest.and_then(VecDeque::pop_front) else {
            return all;
        };
        let mut common = Common::from(wish);
        for queue in &mut wishes {
            // One after the other of the same write: its order stays.
            while let Some(wish) = queue.pop_front() {
                if let Some(other) = common.add(wish) {
                    queue.push_front(other);
                    break;
                }
            }
        }
        all.push(common);
    }
}

/// Who gets what comes of a statement.
enum Reply {
    Nobody,
    Count(oneshot::Sender<u64>),
    One(oneshot::Sender<Vec<Row>>),
    /// By the number of the set of values, from 0.
    Sets(Vec<(usize, oneshot::Sender<Vec<Row>>)>),
    /// A row each, in the order of their ids.
    Rows(Vec<oneshot::Sender<Vec<Row>>>),
}

async fn asked_of(
    session: &mut Session,
    forms: &Forms,
    common: Common,
    out: &mut Vec<(Asked, Reply)>,
) -> Result<(), Error> {
    match common {
        Common::Query(sql, mut all) => match forms.of_several(session, &sql, all.len()).await? {
            Some(Over::Select(form)) => {
                let (sets, replies) = distinct(all);
                out.push((Asked::over(form, sets), Reply::Sets(replies)));
            }
            Some(Over::Insert(form)) => {
                let (sets, replies) = all.into_iter().unzip();
                out.push((Asked::over(form, sets), Reply::Rows(replies)));
            }
            Some(Over::Change(_)) | None => {
                // In one order, whoever asks: of two transactions that store the same one waits for the other, and never each
                // for the other.
                all.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
                out.extend(
                    all.into_iter()
                        .map(|(values, answer)| (Asked::of(sql.clone(), values), Reply::One(answer))),
                );
            }
        },
        Common::Execute(sql, values, answer) => out.push((Asked::of(sql, values), Reply::Count(answer))),
        Common::Later(sql, all) => match forms.of_several(session, &sql, all.len()).await? {
            Some(Over::Change(form)) if is_each_another(&all) => {
                out.push((Asked::over(form, all), Reply::Nobody));
            }
            _ => out.extend(
                all.into_iter()
                    .map(|values| (Asked::of(sql.clone(), values), Reply::Nobody)),
            ),
        },
        Common::Rows(Insert { head, casts, tail }, rows) => {
            let casts: Vec<&str> = casts.iter().map(String::as_str).collect();
            let pieces = pieces(&head, &casts, &tail, rows);
            out.extend(
                pieces
                    .into_iter()
                    .map(|(sql, values)| (Asked::of(sql, values), Reply::Nobody)),
            );
        }
    }
    Ok(())
}

/// Each set of values once, and who asked for which.
fn distinct<T>(all: Vec<(Vec<Value>, T)>) -> (Vec<Vec<Value>>, Vec<(usize, T)>) {
    let mut numbers: HashMap<Vec<Value>, usize> = HashMap::new();
    let mut sets = Vec::new();
    let mut who = Vec::with_capacity(all.len());
    for (values, answer) in all {
        let number = *numbers.entry(values).or_insert_with_key(|values| {
            sets.push(values.clone());
            sets.len() - 1
        });
        who.push((number, answer));
    }
    (sets, who)
}

/// Whether no two sets begin with the same value.
fn is_each_another(sets: &[Vec<Value>]) -> bool {
    let mut first: Vec<&Value> = sets.iter().filter_map(|set| set.first()).collect();
    first.sort_unstable();
    first.windows(2).all(|two| two[0] != two[1])
}

/// Has everything done that is wished for.
async fn fulfil(session: &mut Session, forms: &Forms, wishes: Vec<VecDeque<Wish>>) -> Result<(), Error> {
    let mut asked = Vec::new();
    for common in in_common(wishes) {
        asked_of(session, forms, common, &mut asked).await?;
    }
    let (asked, replies): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let answers = session.ask(asked).await?;
    for ((rows, count), reply) in answers.into_iter().zip(replies) {
        let rows = || {
            rows.iter()
                .map(postgres::read_row)
                .collect::<Result<Vec<Row>, Error>>()
        };
        // Whoever does not wait any more has failed otherwise.
        match reply {
            Reply::Nobody => {}
            Reply::Count(answer) => drop(answer.send(count)),
            Reply::One(answer) => drop(answer.send(rows()?)),
            Reply::Rows(answers) => {
                let mut rows = rows()?;
                if rows.len() != answers.len() {
                    return Err(Error::Shape(format!(
                        "{} rows for {} sets",
                        rows.len(),
                        answers.len()
                    )));
                }
                rows.sort_unstable_by(|one, other| one.0.first().cmp(&other.0.first()));
                for (row, answer) in rows.into_iter().zip(answers) {
                    let _ = answer.send(vec![row]);
                }
            }
            Reply::Sets(answers) => {
                let mut sets: HashMap<usize, Vec<Row>> = HashMap::new();
                for mut row in rows()? {
                    let number: i64 = row.take(0)?;
                    row.0.remove(0);
                    let number =
                        usize::try_from(number - 1).map_err(|_| Error::Shape(format!("set {number}")))?;
                    sets.entry(number).or_default().push(row);
                }
                for (number, answer) in answers {
                    let rows = sets.get(&number).cloned().unwrap_or_default();
                    let _ = answer.send(rows);
                }
            }
        }
    }
    Ok(())
}

/// Runs them to their ends. Where nothing of them is kept: the place of the one that hinders the others, if one does.
pub(super) async fn run<T, E, F>(
    session: &mut Session,
    forms: &Forms,
    access: Access,
    operations: Vec<F>,
) -> Result<Vec<T>, Option<usize>>
where
    E: From<Error>,
    F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>>,
{
    let shared = Arc::new(Mutex::new(Shared {
        wishes: operations.iter().map(|_| VecDeque::new()).collect(),
        owners: HashMap::new(),
    }));
    let members = operations.into_iter().enumerate().map(|(number, operation)| {
        let member = Member {
            shared: shared.clone(),
            number,
            owes: false,
        };
        let mut tx = Tx::member(member, access);
        async move {
            let result = AssertUnwindSafe(async { operation(&mut tx).await })
                .catch_unwind()
                .await;
            let result = result.unwrap_or_else(|_| Err(E::from(Error::Panicked)));
            tx.outcome(result).map_err(|_| number)
        }
    });
    let mut all = pin!(try_join_all(members));
    loop {
        let ended = poll_fn(|context| match all.as_mut().poll(context) {
            Poll::Ready(results) => Poll::Ready(Some(results)),
            Poll::Pending if locked(&shared).wishes.iter().all(VecDeque::is_empty) => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        })
        .await;
        let results = ended.transpose().map_err(|number| {
            tracing::info!(number, "an operation shares no transaction with the others");
            Some(number)
        })?;
        let wishes = locked(&shared).wishes.iter_mut().map(std::mem::take).collect();
        fulfil(session, forms, wishes).await.map_err(|error| {
            tracing::info!(%error, "several operations could not be done together");
            None
        })?;
        if let Some(results) = results {
            return Ok(results);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
