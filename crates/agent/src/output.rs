//! The kept part of a stream on disk: its first 512 KiB and at least its last 512 KiB.
//!
//! A stream is a row of segment files named after where they begin (`stdout.0`, `stdout.524288`, …). The first
//! stays, of the others the last two. A segment is only ever appended to or removed, so the agent reads while
//! the shim writes and never sees one lap overwritten by the next. Nothing here holds more than it was handed.

use std::{
    fs::File,
    io,
    ops::Range,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use postern_protocol::{
    limits::{OUTPUT_HEAD_BYTES, OUTPUT_TAIL_BYTES},
    messages::Stream,
};

use crate::durable;

/// Segments are as long as the head and as the tail, so the last two always cover the tail.
const SEGMENT: u64 = OUTPUT_HEAD_BYTES;
const _: () = assert!(OUTPUT_TAIL_BYTES <= SEGMENT);

pub(crate) const STREAMS: [Stream; 2] = [Stream::Stdout, Stream::Stderr];

pub(crate) fn name(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    }
}

fn segment_path(dir: &Path, stream: Stream, start: u64) -> PathBuf {
    dir.join(format!("{}.{start}", name(stream)))
}

/// The shim's side.
#[derive(Debug)]
pub(crate) struct Writer {
    dir: PathBuf,
    stream: Stream,
    total: u64,
    segment: Option<(u64, File)>,
}

impl Writer {
    pub(crate) fn new(dir: &Path, stream: Stream) -> Self {
        Self {
            dir: dir.to_owned(),
            stream,
            total: 0,
            segment: None,
        }
    }

    pub(crate) const fn stream(&self) -> Stream {
        self.stream
    }

    /// Everything the stream carried so far.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// A full disk loses output, never the job: the count goes on.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let start = self.total / SEGMENT * SEGMENT;
            let room = usize::try_from(start + SEGMENT - self.total).unwrap_or(usize::MAX);
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            let _ = self.write_within(start, now);
            self.total += now.len() as u64;
            bytes = rest;
        }
    }

    fn write_within(&mut self, start: u64, bytes: &[u8]) -> io::Result<()> {
        if self.segment.as_ref().is_none_or(|(current, _)| *current != start) {
            self.segment = None;
            if start >= 3 * SEGMENT {
                let _ = std::fs::remove_file(segment_path(&self.dir, self.stream, start - 2 * SEGMENT));
            }
            let file = durable::private(&segment_path(&self.dir, self.stream, start))?;
            self.segment = Some((start, file));
        }
        match &self.segment {
            Some((_, file)) => file.write_all_at(bytes, self.total - start),
            None => Ok(()),
        }
    }
}

/// Makes what is kept of a stream last. Losing output to a failing disk must not lose the end as well.
pub(crate) fn sync(dir: &Path, stream: Stream) {
    for (start, _) in Kept::scan(dir, stream).unwrap_or_default().segments {
        let _ = File::open(segment_path(dir, stream, start)).and_then(|file| file.sync_data());
    }
}

/// The agent's side: what is kept of one stream at this moment.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    segments: Vec<(u64, u64)>,
}

impl Kept {
    pub(crate) fn scan(dir: &Path, stream: Stream) -> io::Result<Self> {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let start = entry.file_name().to_str().and_then(|file| {
                file.strip_prefix(name(stream))?
                    .strip_prefix('.')?
                    .parse::<u64>()
                    .ok()
            });
            // The shim may remove a segment between listing and looking.
            if let Some(start) = start
                && let Ok(metadata) = entry.metadata()
                && metadata.len() > 0
            {
                segments.push((start, metadata.len()));
            }
        }
        segments.sort_unstable();
        Ok(Self { segments })
    }

    /// How far the stream has come, as far as the files tell.
    pub(crate) fn total(&self) -> u64 {
        self.segments.last().map_or(0, |(start, length)| start + length)
    }

    /// What is to be reported at the end, in order: head and tail, or all when that is the same.
    pub(crate) fn ranges(&self) -> Vec<Range<u64>> {
        let total = self.total();
        let tail = total.saturating_sub(OUTPUT_TAIL_BYTES);
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for &(start, length) in &self.segments {
            let begin = if start == 0 { 0 } else { start.max(tail) };
            let end = start + length;
            match ranges.last_mut() {
                Some(last) if last.end == begin => last.end = end,
                _ if begin < end => ranges.push(begin..end),
                _ => {}
            }
        }
        ranges
    }
}

/// Reads from `offset`, at most `most` bytes and not beyond the segment's end. Empty when it is not kept (any more).
pub(crate) fn read(dir: &Path, stream: Stream, offset: u64, most: usize) -> io::Result<Vec<u8>> {
    let start = offset / SEGMENT * SEGMENT;
    let file = match File::open(segment_path(dir, stream, start)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let there = file.metadata()?.len().saturating_sub(offset - start);
    let length = usize::try_from(there).unwrap_or(usize::MAX).min(most);
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, offset - start)?;
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "ranges are what is meant")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(offset: u64) -> u8 {
        u8::try_from(offset.wrapping_mul(2_654_435_761) >> 7 & 0xff).unwrap()
    }

    fn read_all(dir: &Path, range: Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut offset = range.start;
        while offset < range.end {
            let most = usize::try_from(range.end - offset).unwrap();
            let piece = read(dir, Stream::Stdout, offset, most.min(65_536)).unwrap();
            assert!(!piece.is_empty(), "hole at {offset}");
            offset += piece.len() as u64;
            bytes.extend(piece);
        }
        bytes
    }

    fn check(pieces: &[usize]) {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::new(dir.path(), Stream::Stdout);
        for &piece in pieces {
            let bytes: Vec<u8> = (writer.total()..writer.total() + piece as u64).map(at).collect();
            writer.write(&bytes);
        }
        let total: u64 = pieces.iter().map(|&piece| piece as u64).sum();
        let kept = Kept::scan(dir.path(), Stream::Stdout).unwrap();
        assert_eq!((kept.total(), writer.total()), (total, total));
        let head = total.min(OUTPUT_HEAD_BYTES);
        let tail = total.saturating_sub(OUTPUT_TAIL_BYTES);
        let expected = match total {
            0 => vec![],
            _ if tail <= head => vec![0..total],
            _ => vec![0..head, tail..total],
        };
        assert_eq!(kept.ranges(), expected);
        for range in kept.ranges() {
            let bytes = read_all(dir.path(), range.clone());
            assert!(bytes.into_iter().eq(range.map(at)));
        }
        assert!(std::fs::read_dir(dir.path()).unwrap().count() <= 3);
    }

    #[test]
    fn head_and_tail_are_kept_at_their_bounds() {
        let half = usize::try_from(OUTPUT_HEAD_BYTES).unwrap();
        check(&[]);
        check(&[1]);
        check(&[half]);
        check(&[half, half]);
        check(&[half, half, 1]);
        check(&[half - 1, half + 2, 3 * half, 17]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn head_and_tail_are_kept_for_any_pieces(pieces in prop::collection::vec(0usize..400_000, 0..10)) {
            check(&pieces);
        }
    }
}
