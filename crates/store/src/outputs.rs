//! What jobs printed: pieces of the two streams of an attempt. Of each stream the first and the last 512 KiB
//! are kept. Agents are not trusted: pieces may overlap, repeat, lie anywhere, and what they take is bounded.
//!
//! Rows of a stream never overlap, and what touches is packed together, so an honest stream takes a few rows.
//! Of two pieces that claim the same bytes the first one stands.

use std::collections::HashMap;

use postern_domain::AttemptId;

use crate::{
    Error, Tx,
    engine::{record, values},
    list::{IDS, Select},
};

/// Kept from the start of a stream, and as much from its end.
pub const HEAD_BYTES: i64 = 512 * 1024;
pub const TAIL_BYTES: i64 = 512 * 1024;
/// No stream is longer than this, a pebibyte: pieces that lie beyond are dropped.
pub const MAX_STREAM_BYTES: i64 = 1 << 50;
/// Size of a row.
const ROW_BYTES: usize = 64 * 1024;
/// Rows of one stream; an agent that needs more is not one of ours, and the rest is dropped.
pub const MAX_ROWS: i64 = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    const fn number(self) -> i64 {
        match self {
            Self::Stdout => 1,
            Self::Stderr => 2,
        }
    }
}

record! {
    /// A piece of a stream.
    pub struct Piece {
        pub start: i64,
        pub data: Vec<u8>,
    }
}

impl Piece {
    fn end(&self) -> i64 {
        self.start
            .saturating_add(i64::try_from(self.data.len()).unwrap_or(i64::MAX))
    }
}

/// Adds a piece and drops what no longer belongs to head or tail.
pub async fn append(tx: &mut Tx<'_>, attempt: AttemptId, stream: Stream, piece: Piece) -> Result<(), Error> {
    if piece.data.is_empty() || piece.start < 0 || piece.end() > MAX_STREAM_BYTES {
        return Ok(());
    }
    let total = total_at_least(tx, attempt, stream, piece.end()).await?;
    for part in kept(&piece, total).into_iter().flatten() {
        add(tx, attempt, stream.number(), &part).await?;
    }
    if total > HEAD_BYTES + TAIL_BYTES {
        let trim = "DELETE FROM outputs WHERE attempt_id = $1 AND stream = $2 AND start >= $3 AND start + length(data) <= $4";
        tx.execute(
            trim,
            &values![attempt, stream.number(), HEAD_BYTES, total - TAIL_BYTES],
        )
        .await?;
    }
    Ok(())
}

async fn add(tx: &mut Tx<'_>, attempt: AttemptId, stream: i64, part: &Piece) -> Result<(), Error> {
    // Rows that overlap or touch. One that is full and ends where the part begins has nothing to gain.
    let near = "SELECT start, data FROM outputs
                WHERE attempt_id = $1 AND stream = $2 AND start BETWEEN $3 AND $4 AND start + length(data) >= $5
                AND NOT (start = $3 AND length(data) = $6) ORDER BY start";
    let row_bytes = i64::try_from(ROW_BYTES).unwrap_or(i64::MAX);
    let values = values![
        attempt,
        stream,
        part.start - row_bytes,
        part.end(),
        part.start,
        row_bytes
    ];
    let rows = tx.query(near, &values).await?;
    let old = rows
        .into_iter()
        .map(Piece::from_row)
        .collect::<Result<Vec<_>, _>>()?;
    let new = pack(&old, part);
    let more = new.len().saturating_sub(old.len());
    if more > 0 {
        let count = "SELECT count(*) FROM outputs WHERE attempt_id = $1 AND stream = $2";
        let rows: i64 = tx.query_one(count, &values![attempt, stream]).await?.read(0)?;
        if rows.saturating_add(i64::try_from(more).unwrap_or(i64::MAX)) > MAX_ROWS {
            return Ok(());
        }
    }
    for row in old
        .iter()
        .filter(|row| new.iter().all(|other| other.start != row.start))
    {
        let delete = "DELETE FROM outputs WHERE attempt_id = $1 AND stream = $2 AND start = $3";
        tx.execute(delete, &values![attempt, stream, row.start]).await?;
    }
    for row in new.into_iter().filter(|row| !old.contains(row)) {
        let write = "INSERT INTO outputs (attempt_id, stream, start, data) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (attempt_id, stream, start) DO UPDATE SET data = excluded.data";
        tx.execute(write, &values![attempt, stream, row.start, row.data])
            .await?;
    }
    Ok(())
}

/// The rows that take the place of `old`: these, sorted, each touching the part, and the part make one run.
fn pack(old: &[Piece], part: &Piece) -> Vec<Piece> {
    let end = part.end();
    let start = old.first().map_or(part.start, |row| row.start.min(part.start));
    let mut run = Vec::new();
    let fill = |run: &mut Vec<u8>, to: i64| {
        let at = start + i64::try_from(run.len()).unwrap_or(i64::MAX);
        let range = usize::try_from(at - part.start)
            .ok()
            .zip(usize::try_from(to - part.start).ok());
        run.extend_from_slice(
            range
                .and_then(|(from, to)| part.data.get(from..to))
                .unwrap_or(&[]),
        );
    };
    for row in old {
        fill(&mut run, row.start);
        run.extend_from_slice(&row.data);
    }
    fill(&mut run, end);
    let starts = (start..).step_by(ROW_BYTES);
    starts
        .zip(run.chunks(ROW_BYTES))
        .map(|(start, data)| Piece {
            start,
            data: data.to_vec(),
        })
        .collect()
}

/// Raises the known length of a stream, up to the longest one there may be; returns it.
pub async fn total_at_least(
    tx: &mut Tx<'_>,
    attempt: AttemptId,
    stream: Stream,
    bytes: i64,
) -> Result<i64, Error> {
    let sql = match stream {
        Stream::Stdout => {
            "UPDATE attempts SET stdout_bytes = CASE WHEN stdout_bytes < $2 THEN $2 ELSE stdout_bytes END
             WHERE id = $1 RETURNING stdout_bytes"
        }
        Stream::Stderr => {
            "UPDATE attempts SET stderr_bytes = CASE WHEN stderr_bytes < $2 THEN $2 ELSE stderr_bytes END
             WHERE id = $1 RETURNING stderr_bytes"
        }
    };
    let bytes = bytes.min(MAX_STREAM_BYTES);
    tx.query_one(sql, &values![attempt, bytes]).await?.read(0)
}

/// What is kept of a stream, in order, overlaps removed, neighbours joined.
pub async fn read(
    tx: &mut Tx<'_>,
    attempt: AttemptId,
    stream: Stream,
    total: i64,
) -> Result<Vec<Piece>, Error> {
    let sql = "SELECT start, data FROM outputs WHERE attempt_id = $1 AND stream = $2 ORDER BY start";
    let rows = tx.query(sql, &values![attempt, stream.number()]).await?;
    let rows = rows
        .into_iter()
        .map(Piece::from_row)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(assemble(&rows, total))
}

/// The beginnings of both streams of these attempts, at most `most` bytes of each, and no more than a row has. One that is
/// not there was cut out, or nothing came of it.
pub async fn heads(
    tx: &mut Tx<'_>,
    attempts: &[AttemptId],
    most: usize,
) -> Result<HashMap<(AttemptId, Stream), Vec<u8>>, Error> {
    let mut heads = HashMap::new();
    // Few different statements, whatever is asked for.
    let bytes = most.min(ROW_BYTES).next_power_of_two();
    for part in attempts.chunks(IDS) {
        let mut select = Select::new(&format!(
            "SELECT o.attempt_id, o.stream, substr(o.data, 1, {bytes}) FROM outputs o"
        ));
        select
            .and_in("o.attempt_id", part.iter().copied())
            .and("o.stream IN (1, 2) AND o.start = 0", []);
        let (sql, values) = select.parts();
        for mut row in tx.query(sql, values).await? {
            let stream = if row.take::<i64>(1)? == Stream::Stdout.number() {
                Stream::Stdout
            } else {
                Stream::Stderr
            };
            let mut data: Vec<u8> = row.take(2)?;
            data.truncate(most);
            heads.insert((row.take(0)?, stream), data);
        }
    }
    Ok(heads)
}

/// What of a piece lies in the head and in the tail: one piece while nothing is cut out between them.
fn kept(piece: &Piece, total: i64) -> [Option<Piece>; 2] {
    if total > HEAD_BYTES + TAIL_BYTES {
        [
            clip(piece, 0, HEAD_BYTES),
            clip(piece, total - TAIL_BYTES, i64::MAX),
        ]
    } else {
        [clip(piece, 0, i64::MAX), None]
    }
}

/// Cuts rows to head and tail and joins what touches. Rows are sorted by start.
fn assemble(rows: &[Piece], total: i64) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for part in rows.iter().flat_map(|row| kept(row, total)).flatten() {
        match pieces.last_mut() {
            Some(last) if last.end() == part.start => last.data.extend_from_slice(&part.data),
            _ => pieces.push(part),
        }
    }
    pieces
}

fn clip(piece: &Piece, from: i64, to: i64) -> Option<Piece> {
    let (start, end) = (piece.start.max(from), piece.end().min(to));
    let range = usize::try_from(start - piece.start).ok()?..usize::try_from(end - piece.start).ok()?;
    let data = piece.data.get(range).filter(|data| !data.is_empty())?;
    Some(Piece {
        start,
        data: data.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(start: i64, data: &[u8]) -> Piece {
        Piece {
            start,
            data: data.to_vec(),
        }
    }

    #[test]
    fn neighbours_join_and_gaps_stay() {
        let rows = vec![piece(0, b"abc"), piece(3, b"de"), piece(9, b"xyz")];
        assert_eq!(assemble(&rows, 12), vec![piece(0, b"abcde"), piece(9, b"xyz")]);
    }

    #[test]
    fn a_part_is_packed_around_the_rows_that_are_there() {
        let old = [piece(2, b"CD"), piece(5, b"F"), piece(8, b"IJ")];
        assert_eq!(pack(&old, &piece(0, b"abcdefgh")), [piece(0, b"abCDeFghIJ")]);
        assert_eq!(pack(&old[..1], &piece(3, b"d")), [piece(2, b"CD")]);
        assert_eq!(pack(&[], &piece(7, b"x")), [piece(7, b"x")]);
    }

    #[test]
    fn rows_have_at_most_their_size() {
        let rows = pack(&[piece(10, &[1; 10])], &piece(20, &vec![2; 2 * ROW_BYTES]));
        let sizes: Vec<_> = rows.iter().map(|row| (row.start, row.data.len())).collect();
        let row = i64::try_from(ROW_BYTES).unwrap();
        assert_eq!(
            sizes,
            [(10, ROW_BYTES), (10 + row, ROW_BYTES), (10 + 2 * row, 10)]
        );
    }

    #[test]
    fn a_long_stream_is_cut_to_exactly_head_and_tail() {
        let total = HEAD_BYTES + TAIL_BYTES + 100;
        let len = usize::try_from(total).unwrap();
        let pieces = assemble(
            &[Piece {
                start: 0,
                data: vec![7; len],
            }],
            total,
        );
        let spans: Vec<_> = pieces.iter().map(|p| (p.start, p.end())).collect();
        assert_eq!(spans, [(0, HEAD_BYTES), (HEAD_BYTES + 100, total)]);
        let whole = assemble(
            &[Piece {
                start: 0,
                data: vec![7; len - 100],
            }],
            total - 100,
        );
        assert_eq!(whole.len(), 1, "nothing is cut at exactly the bound");
    }
}
