/** Lines of one stream, ready to be shown: found as text arrives, parsed for colours only when they are looked at. */
import { isPlain, PLAIN, parseLine, type Span, type Style, TAB } from "./ansi";
import { type Change, type Piece, Segments } from "./segments";

export class Lines {
  private readonly segments = new Segments();
  private raws: string[] = [];
  private styles: Style[] = [];
  private widths: number[] = [];
  private orders: number[] = [];
  /** Line → bytes that are missing there. */
  private gaps = new Map<number, number>();
  /** The last line has no end yet. */
  private open = false;
  /** A carriage return came last: whether a line feed follows is not known. */
  private held = false;
  private position = 0;
  /** Bytes the stream had when it ended, where known: shows what is missing at the end. */
  private total: number | undefined;
  version = 0;
  /** Changes when lines that were there already may have changed. */
  generation = 0;
  private parsed: { line: number; raw: string; spans: Span[] } | undefined;

  get length(): number {
    return this.raws.length;
  }

  get bytes(): number {
    return Math.max(this.segments.end, this.total ?? 0);
  }

  get hasGaps(): boolean {
    return this.gaps.size > 0;
  }

  add(piece: Piece): void {
    const change: Change = this.segments.add(piece);
    if (change === "none") {
      return;
    }
    this.version += 1;
    if (change === "appended") {
      this.take(piece);
    } else {
      this.rebuild();
    }
  }

  /** The stream has ended with this many bytes. */
  finish(total: number): void {
    if (this.total !== total) {
      this.total = total;
      this.version += 1;
      this.rebuild();
    }
  }

  width(line: number): number {
    return this.widths[line] ?? 0;
  }

  order(line: number): number {
    return this.orders[line] ?? 0;
  }

  /** Missing bytes, if this line stands for a hole. */
  gap(line: number): number | undefined {
    return this.gaps.get(line);
  }

  /** Number of the line in the stream; not known after a hole. */
  number(line: number): number | undefined {
    for (const hole of this.gaps.keys()) {
      if (hole < line) {
        return undefined;
      }
    }
    return line + 1;
  }

  spans(line: number): Span[] {
    const raw = this.raws[line] ?? "";
    if (this.parsed?.line !== line || this.parsed.raw !== raw) {
      // A long line is asked for once per row it fills.
      this.parsed = { line, raw, spans: parseLine(raw, this.styles[line] ?? PLAIN).spans };
    }
    return this.parsed.spans;
  }

  /** As plain text, colours left out, holes named. */
  text(): string {
    return this.raws
      .map((_, line) => {
        const gap = this.gaps.get(line);
        return gap === undefined
          ? this.spans(line)
              .map((span) => span.text)
              .join("")
          : gapText(gap);
      })
      .join("\n");
  }

  private rebuild(): void {
    this.generation += 1;
    this.parsed = undefined;
    this.raws = [];
    this.styles = [];
    this.widths = [];
    this.orders = [];
    this.gaps = new Map();
    this.open = false;
    this.held = false;
    this.position = 0;
    for (const piece of this.segments.pieces) {
      this.take(piece);
    }
    if (this.total !== undefined && this.total > this.position) {
      this.hole(this.total - this.position, Number.MAX_SAFE_INTEGER);
    }
  }

  private take(piece: Piece): void {
    if (piece.offset > this.position) {
      this.hole(piece.offset - this.position, piece.order);
    }
    this.position = piece.offset + piece.bytes;
    let text = this.held ? `\r${piece.text}` : piece.text;
    this.held = text.endsWith("\r");
    if (this.held) {
      text = text.slice(0, -1);
    }
    // A lone carriage return starts a new row as well: what it would overwrite on a terminal stays readable.
    const parts = text.split(/\r\n|\n|\r/);
    for (const [index, part] of parts.entries()) {
      if (index > 0) {
        if (!this.open) {
          this.start(piece.order);
        }
        this.open = false;
      }
      if (part !== "") {
        if (!this.open) {
          this.start(piece.order);
          this.open = true;
        }
        this.extend(part);
      }
    }
  }

  private hole(bytes: number, order: number): void {
    this.open = false;
    this.held = false;
    this.start(order);
    this.gaps.set(this.raws.length - 1, bytes);
    this.widths[this.raws.length - 1] = 1;
  }

  private start(order: number): void {
    const last = this.raws.length - 1;
    const raw = this.raws[last];
    let style = this.styles[last] ?? PLAIN;
    if (raw !== undefined && this.widths[last] !== raw.length && !this.gaps.has(last)) {
      const parsed = parseLine(raw, style);
      this.widths[last] = parsed.length;
      style = parsed.end;
    }
    this.styles.push(style);
    this.raws.push("");
    this.widths.push(0);
    this.orders.push(Math.max(order, this.orders[last] ?? 0));
  }

  private extend(part: string): void {
    const last = this.raws.length - 1;
    this.raws[last] = (this.raws[last] ?? "") + part;
    // While a line grows its width may be taken too large, never too small; its end makes it exact.
    const grown = isPlain(part)
      ? part.length
      : parseLine(part, PLAIN).length + (part.includes("\t") ? TAB - 1 : 0) + 1;
    this.widths[last] = (this.widths[last] ?? 0) + grown;
  }
}

export function gapText(bytes: number): string {
  return `… ${bytes.toLocaleString("en-US")} bytes not kept …`;
}
