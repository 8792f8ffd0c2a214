/**
 * Pieces of one stream, put together by their place in it. Pieces come more than once (after a reconnect everything kept
 * comes again, cut differently) and not always in order; what is assembled depends only on what came, not on how often.
 */

export interface Piece {
  /** Place in the stream, in bytes. */
  offset: number;
  /** Length in bytes; the text may be longer or shorter where bytes were not UTF-8. */
  bytes: number;
  text: string;
  /** When it came, relative to pieces of other streams. */
  order: number;
}

/** Kept in the browser: as much as the server keeps at most, from both ends. */
export const HEAD_BYTES = 512 * 1024;
export const TAIL_BYTES = 512 * 1024;
/** The middle is dropped in steps of this size: each step means to find all lines anew. */
const SLACK_BYTES = 512 * 1024;

export type Change = "none" | "appended" | "rebuilt";

export class Segments {
  private list: Piece[] = [];
  private held = 0;

  get pieces(): readonly Piece[] {
    return this.list;
  }

  /** Where the known part of the stream ends. */
  get end(): number {
    const last = this.list.at(-1);
    return last ? last.offset + last.bytes : 0;
  }

  add(piece: Piece): Change {
    if (piece.bytes <= 0) {
      return "none";
    }
    const end = piece.offset + piece.bytes;
    if (piece.offset === this.end) {
      this.list.push(piece);
      this.held += piece.bytes;
      return this.trim() ? "rebuilt" : "appended";
    }
    const touching = this.list.filter(
      (other) => other.offset < end && piece.offset < other.offset + other.bytes,
    );
    if (touching.some((other) => other.offset <= piece.offset && end <= other.offset + other.bytes)) {
      return "none";
    }
    let added: Piece = piece;
    for (const other of touching) {
      if (piece.offset <= other.offset && other.offset + other.bytes <= end) {
        // Swallowed whole: the new piece takes its place in time, too.
        this.list.splice(this.list.indexOf(other), 1);
        added = { ...added, order: Math.min(added.order, other.order) };
      } else {
        added =
          other.offset <= added.offset
            ? cutStart(added, other.offset + other.bytes)
            : cutEnd(added, other.offset);
      }
    }
    const index = this.list.findIndex((other) => other.offset > added.offset);
    this.list.splice(index < 0 ? this.list.length : index, 0, added);
    this.held = sum(this.list);
    this.trim();
    return "rebuilt";
  }

  /** Drops whole pieces from the middle when more is held than the server would keep. */
  private trim(): boolean {
    if (this.held <= HEAD_BYTES + TAIL_BYTES + SLACK_BYTES) {
      return false;
    }
    const tailStart = this.end - TAIL_BYTES;
    const kept = this.list.filter(
      (piece) => piece.offset < HEAD_BYTES || piece.offset + piece.bytes > tailStart,
    );
    if (kept.length === this.list.length) {
      return false;
    }
    this.list = kept;
    this.held = sum(kept);
    return true;
  }
}

const sum = (pieces: Piece[]): number => pieces.reduce((total, piece) => total + piece.bytes, 0);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Removes what lies before `offset`. Exact for UTF-8; where bytes were replaced, as near as can be known. */
function cutStart(piece: Piece, offset: number): Piece {
  const skip = offset - piece.offset;
  const text = decoder.decode(encoder.encode(piece.text).subarray(skip));
  return { ...piece, offset, bytes: piece.bytes - skip, text };
}

function cutEnd(piece: Piece, end: number): Piece {
  const bytes = end - piece.offset;
  return { ...piece, bytes, text: decoder.decode(encoder.encode(piece.text).subarray(0, bytes)) };
}
