//! What is kept of a stream, whatever the agent sends.

use postern_domain::AttemptId;
use postern_store::{
    Error,
    outputs::{self, HEAD_BYTES, MAX_ROWS, MAX_STREAM_BYTES, Piece, Stream, TAIL_BYTES},
    tx,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::{database::TestDatabase, world::World};

/// A stream in which no two places nearby look alike.
fn stream(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

async fn append(db: &TestDatabase, attempt: AttemptId, stream: Stream, mut pieces: Vec<Piece>) {
    // A transaction has a deadline, which thousands of pieces do not keep on a busy machine.
    const AT_ONCE: usize = 200;
    while !pieces.is_empty() {
        let rest = pieces.split_off(pieces.len().min(AT_ONCE));
        let now = std::mem::replace(&mut pieces, rest);
        db.write(tx!(tx => {
            for piece in now {
                outputs::append(tx, attempt, stream, piece).await?;
            }
            Ok(())
        }))
        .await
        .unwrap();
    }
}

async fn read(db: &TestDatabase, attempt: AttemptId, stream: Stream) -> (i64, Vec<Piece>) {
    db.write(tx!(tx => {
        let total = outputs::total_at_least(tx, attempt, stream, 0).await?;
        Ok((total, outputs::read(tx, attempt, stream, total).await?))
    }))
    .await
    .unwrap()
}

/// The pieces of `data` that are kept when `arrived` of it came.
fn kept(data: &[u8], arrived: &[bool]) -> Vec<Piece> {
    let total = arrived.iter().rposition(|&here| here).map_or(0, |last| last + 1);
    let (head, tail) = (HEAD_BYTES as usize, total.saturating_sub(TAIL_BYTES as usize));
    let mut pieces: Vec<Piece> = Vec::new();
    for index in (0..total).filter(|&index| arrived[index] && (index < head || index >= tail)) {
        match pieces.last_mut() {
            Some(last) if last.start + last.data.len() as i64 == index as i64 => last.data.push(data[index]),
            _ => pieces.push(Piece {
                start: index as i64,
                data: vec![data[index]],
            }),
        }
    }
    pieces
}

fn spans(pieces: &[Piece]) -> Vec<(i64, usize)> {
    pieces
        .iter()
        .map(|piece| (piece.start, piece.data.len()))
        .collect()
}

async fn of_three_megabytes_exactly_head_and_tail_stay(db: TestDatabase) {
    let data = stream(3_000_000);
    let agent_world = World::new(&db).await;
    let agent = agent_world.agent("web").await;
    for size in [977, 4096, 65_537, 300_000, 3_000_000] {
        let job = agent_world.job(agent).await;
        let attempt = agent_world.hand_out(job).await;
        let pieces: Vec<_> = data
            .chunks(size)
            .enumerate()
            .map(|(index, chunk)| Piece {
                start: (index * size) as i64,
                data: chunk.to_vec(),
            })
            .collect();
        append(&db, attempt, Stream::Stdout, pieces.clone()).await;
        let (total, found) = read(&db, attempt, Stream::Stdout).await;
        assert_eq!(total, 3_000_000, "chunks of {size}");
        assert_eq!(
            found,
            kept(&data, &vec![true; data.len()]),
            "chunks of {size}: {:?}",
            spans(&found)
        );

        append(&db, attempt, Stream::Stdout, pieces).await;
        assert_eq!(
            read(&db, attempt, Stream::Stdout).await,
            (total, found),
            "the same again, chunks of {size}"
        );
        assert_eq!(
            read(&db, attempt, Stream::Stderr).await,
            (0, vec![]),
            "the other stream"
        );
        let taken = db
            .raw(&format!("SELECT count(*), max(length(data)), sum(length(data)) FROM outputs WHERE attempt_id = {attempt}"))
            .await;
        let taken: Vec<i64> = taken[0].iter().map(|text| text.parse().unwrap()).collect();
        assert!(
            taken[0] < 40 && taken[1] <= 65_536,
            "chunks of {size}: rows and largest: {taken:?}"
        );
        assert!(
            taken[2] <= HEAD_BYTES + TAIL_BYTES + 4 * 65_536,
            "chunks of {size}: {taken:?}"
        );
    }
}

async fn nothing_is_cut_up_to_the_bound(db: TestDatabase) {
    let attempt = World::new(&db).await.attempt().await;
    let bound = (HEAD_BYTES + TAIL_BYTES) as usize;
    let data = stream(bound + 1);
    append(
        &db,
        attempt,
        Stream::Stderr,
        vec![Piece {
            start: 0,
            data: data[..bound].to_vec(),
        }],
    )
    .await;
    let (_, found) = read(&db, attempt, Stream::Stderr).await;
    assert_eq!(spans(&found), [(0, bound)]);
    append(
        &db,
        attempt,
        Stream::Stderr,
        vec![Piece {
            start: bound as i64,
            data: data[bound..].to_vec(),
        }],
    )
    .await;
    let (_, found) = read(&db, attempt, Stream::Stderr).await;
    assert_eq!(found, kept(&data, &vec![true; data.len()]));
    assert_eq!(
        spans(&found),
        [(0, HEAD_BYTES as usize), (HEAD_BYTES + 1, TAIL_BYTES as usize)]
    );
}

async fn of_what_overlaps_the_first_to_come_stands(db: TestDatabase) {
    let attempt = World::new(&db).await.attempt().await;
    let piece = |start, text: &str| Piece {
        start,
        data: text.as_bytes().to_vec(),
    };
    append(
        &db,
        attempt,
        Stream::Stdout,
        vec![
            piece(3, "DEF"),
            piece(0, "abcde"),
            piece(4, "??gh"),
            piece(20, "x"),
        ],
    )
    .await;
    append(
        &db,
        attempt,
        Stream::Stdout,
        vec![piece(4, "!"), piece(0, ""), piece(3, "DEF")],
    )
    .await;
    let (total, found) = read(&db, attempt, Stream::Stdout).await;
    assert_eq!((total, found), (21, vec![piece(0, "abcDEFgh"), piece(20, "x")]));
}

async fn hostile_offsets_do_no_harm(db: TestDatabase) {
    let attempt = World::new(&db).await.attempt().await;
    let piece = |start| Piece {
        start,
        data: vec![7; 10],
    };
    append(
        &db,
        attempt,
        Stream::Stdout,
        vec![Piece {
            start: 0,
            data: b"honest".to_vec(),
        }],
    )
    .await;
    let hostile = [i64::MIN, -1, i64::MAX, i64::MAX - 5, MAX_STREAM_BYTES - 9].map(piece);
    append(&db, attempt, Stream::Stdout, hostile.to_vec()).await;
    let (total, found) = read(&db, attempt, Stream::Stdout).await;
    assert_eq!((total, spans(&found)), (6, vec![(0, 6)]));

    // The far end of what a stream may be, and a total out of the air.
    append(&db, attempt, Stream::Stdout, vec![piece(MAX_STREAM_BYTES - 10)]).await;
    let (total, found) = read(&db, attempt, Stream::Stdout).await;
    assert_eq!(
        (total, spans(&found)),
        (MAX_STREAM_BYTES, vec![(0, 6), (MAX_STREAM_BYTES - 10, 10)])
    );
    for claimed in [i64::MAX, i64::MIN] {
        let total = db
            .write(tx!(tx => outputs::total_at_least(tx, attempt, Stream::Stderr, claimed).await))
            .await
            .unwrap();
        assert_eq!(total, MAX_STREAM_BYTES, "at {claimed}");
    }
    append(
        &db,
        attempt,
        Stream::Stderr,
        vec![piece(0), piece(HEAD_BYTES - 5), piece(HEAD_BYTES)],
    )
    .await;
    let (_, found) = read(&db, attempt, Stream::Stderr).await;
    assert_eq!(spans(&found), [(0, 10), (HEAD_BYTES - 5, 5)]);
}

async fn the_rows_of_a_stream_are_bounded(db: TestDatabase) {
    let attempt = World::new(&db).await.attempt().await;
    let crumbs = (0..MAX_ROWS + 100)
        .map(|index| Piece {
            start: index * 3,
            data: vec![1],
        })
        .collect();
    append(&db, attempt, Stream::Stdout, crumbs).await;
    assert_eq!(db.count("outputs").await, MAX_ROWS);
    // What joins rows is still taken, and makes room.
    let first = Piece {
        start: 0,
        data: vec![2; 300],
    };
    append(&db, attempt, Stream::Stdout, vec![first]).await;
    assert!(db.count("outputs").await < MAX_ROWS);
    // Large rows at odd places do not add up to more than the rows allow.
    let large = (0..30)
        .map(|index| Piece {
            start: index,
            data: vec![3; 1_000_000],
        })
        .collect();
    append(&db, attempt, Stream::Stderr, large).await;
    let stored = db
        .raw("SELECT sum(length(data)) FROM outputs WHERE stream = 2")
        .await;
    assert_eq!(stored, [["1000029"]]);
}

async fn output_of_an_attempt_that_is_gone_is_not_found(db: TestDatabase) {
    let piece = Piece {
        start: 0,
        data: vec![1],
    };
    let refused = db
        .write(tx!(tx => outputs::append(tx, AttemptId(999), Stream::Stdout, piece).await))
        .await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
}

/// Chunks of a random stream in random order, some of them twice: what arrived is there, cut to head and tail.
async fn any_chunks_in_any_order_make_the_stream(db: TestDatabase) {
    let chunks = prop::collection::vec((0_usize..1_600_000, 1_usize..200_000), 1..40);
    let orders = (chunks, any::<prop::sample::Index>());
    let world = World::new(&db).await;
    let agent = world.agent("web").await;
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        let config = Config {
            cases: 24,
            failure_persistence: None,
            ..Config::default()
        };
        TestRunner::new(config)
            .run(&orders, |(chunks, repeat)| {
                runtime.block_on(async {
                    let job = world.job(agent).await;
                    let attempt = world.hand_out(job).await;
                    let data = stream(1_800_000);
                    let mut arrived = vec![false; data.len()];
                    let repeated = chunks[repeat.index(chunks.len())];
                    let mut reference = Vec::new();
                    let mut pieces = Vec::new();
                    for (start, length) in chunks.iter().copied().chain([repeated]) {
                        let end = start + length;
                        reference.push(start..end);
                        pieces.push(Piece {
                            start: start as i64,
                            data: data[start..end].to_vec(),
                        });
                    }
                    // A byte in the middle counts only if no later total had moved past it when it came: those
                    // bytes are outside of head and tail in the end too.
                    for range in reference {
                        arrived[range].fill(true);
                    }
                    append(&db, attempt, Stream::Stdout, pieces).await;
                    let (total, found) = read(&db, attempt, Stream::Stdout).await;
                    let expected = kept(&data, &arrived);
                    prop_assert_eq!(total, arrived.iter().rposition(|&here| here).unwrap() as i64 + 1);
                    prop_assert_eq!(spans(&found), spans(&expected));
                    prop_assert!(found == expected, "the bytes differ");
                    Ok(())
                })
            })
            .unwrap();
    });
}

on_both_engines!(
    of_three_megabytes_exactly_head_and_tail_stay,
    nothing_is_cut_up_to_the_bound,
    of_what_overlaps_the_first_to_come_stands,
    hostile_offsets_do_no_harm,
    the_rows_of_a_stream_are_bounded,
    output_of_an_attempt_that_is_gone_is_not_found,
    any_chunks_in_any_order_make_the_stream,
);
