//! What jobs printed: pieces of the two streams of an attempt. Of each stream the first and the last 512 KiB
//! are kept. Agents are not trusted: pieces may overlap, repeat, lie anywhere, and their number is bounded.

use postern_domain::AttemptId;

use crate::{
    Error, Tx,
    engine::{record, values},
};

/// Kept from the start of a stream, and as much from its end.
pub const HEAD_BYTES: i64 = 512 * 1024;
pub const TAIL_BYTES: i64 = 512 * 1024;
/// Neighbouring pieces are joined into rows of at most this size.
const ROW_BYTES: usize = 64 * 1024;
/// Rows of one stream; an agent that needs more is not one of ours, and the rest is dropped.
const MAX_ROWS: i64 = 512;

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
    if piece.data.is_empty() || piece.start < 0 {
        return Ok(());
    }
    let number = stream.number();
    let total = total_at_least(tx, attempt, stream, piece.end()).await?;
    if piece.start >= HEAD_BYTES && piece.end() <= total - TAIL_BYTES {
        return Ok(());
    }
    let before = "SELECT start, data FROM outputs WHERE attempt_id = $1 AND stream = $2 AND start <= $3
                  ORDER BY start DESC LIMIT 1";
    let neighbour = tx
        .query_opt(before, &values![attempt, number, piece.start])
        .await?
        .map(Piece::from_row)
        .transpose()?;
    match neighbour {
        Some(row) if row.end() >= piece.end() => return Ok(()),
        Some(row) if row.end() >= piece.start && row.data.len() + piece.data.len() <= ROW_BYTES => {
            let known = usize::try_from(row.end() - piece.start).unwrap_or(0);
            let data = [row.data.as_slice(), &piece.data[known..]].concat();
            let sql = "UPDATE outputs SET data = $4 WHERE attempt_id = $1 AND stream = $2 AND start = $3";
            tx.execute(sql, &values![attempt, number, row.start, data])
                .await?;
        }
        _ => insert(tx, attempt, number, piece).await?,
    }
    if total > HEAD_BYTES + TAIL_BYTES {
        let trim = "DELETE FROM outputs WHERE attempt_id = $1 AND stream = $2 AND start >= $3 AND start + length(data) <= $4";
        tx.execute(trim, &values![attempt, number, HEAD_BYTES, total - TAIL_BYTES])
            .await?;
    }
    Ok(())
}

async fn insert(tx: &mut Tx<'_>, attempt: AttemptId, number: i64, piece: Piece) -> Result<(), Error> {
    let count = "SELECT count(*) FROM outputs WHERE attempt_id = $1 AND stream = $2";
    let rows: i64 = tx.query_one(count, &values![attempt, number]).await?.read(0)?;
    if rows >= MAX_ROWS {
        return Ok(());
    }
    let sql = "INSERT INTO outputs (attempt_id, stream, start, data) VALUES ($1, $2, $3, $4)
               ON CONFLICT (attempt_id, stream, start) DO UPDATE SET data = excluded.data
               WHERE length(excluded.data) > length(outputs.data)";
    tx.execute(sql, &values![attempt, number, piece.start, piece.data])
        .await
        .map(|_| ())
}

/// Raises the known length of a stream; returns it.
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
    Ok(assemble(
        rows.into_iter().map(Piece::from_row).collect::<Result<_, _>>()?,
        total,
    ))
}

/// Cuts rows to head and tail and joins what touches. Rows are sorted by start.
fn assemble(rows: Vec<Piece>, total: i64) -> Vec<Piece> {
    let tail = if total > HEAD_BYTES + TAIL_BYTES {
        total - TAIL_BYTES
    } else {
        0
    };
    let mut pieces: Vec<Piece> = Vec::new();
    for row in rows {
        // A row may reach over the end of the head or the start of the tail: one row, up to two parts.
        let parts = if tail == 0 {
            [clip(&row, 0, i64::MAX), None]
        } else {
            [clip(&row, 0, HEAD_BYTES), clip(&row, tail, i64::MAX)]
        };
        for part in parts.into_iter().flatten() {
            match pieces.last_mut() {
                Some(last) if last.end() >= part.end() => {}
                Some(last) if last.end() >= part.start => {
                    let known = usize::try_from(last.end() - part.start).unwrap_or(0);
                    last.data.extend_from_slice(&part.data[known..]);
                }
                _ => pieces.push(part),
            }
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
    fn neighbours_join_and_overlaps_count_once() {
        let rows = vec![
            piece(0, b"abc"),
            piece(2, b"cde"),
            piece(3, b"d"),
            piece(9, b"xyz"),
        ];
        assert_eq!(assemble(rows, 12), vec![piece(0, b"abcde"), piece(9, b"xyz")]);
    }

    #[test]
    fn a_long_stream_is_cut_to_exactly_head_and_tail() {
        let total = HEAD_BYTES + TAIL_BYTES + 100;
        let len = usize::try_from(total).unwrap();
        let pieces = assemble(
            vec![Piece {
                start: 0,
                data: vec![7; len],
            }],
            total,
        );
        let spans: Vec<_> = pieces.iter().map(|p| (p.start, p.end())).collect();
        assert_eq!(spans, [(0, HEAD_BYTES), (HEAD_BYTES + 100, total)]);
        let whole = assemble(
            vec![Piece {
                start: 0,
                data: vec![7; len - 100],
            }],
            total - 100,
        );
        assert_eq!(whole.len(), 1, "nothing is cut at exactly the bound");
    }
}
