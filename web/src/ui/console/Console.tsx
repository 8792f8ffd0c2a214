import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Span, Style } from "./ansi";
import classes from "./Console.module.css";
import { gapText, type Lines } from "./lines";
import { layOut, type Row, slice } from "./rows";

export interface ConsoleSource {
  name: string;
  lines: Lines;
  /** Marked in the margin, so that it is not told apart by colour alone. */
  marked?: boolean;
}

interface ConsoleProps {
  label: string;
  sources: ConsoleSource[];
  /** Changes whenever a source does. */
  version: number;
  follow: boolean;
  onFollow: (follow: boolean) => void;
  empty: string;
}

const ROW_HEIGHT = 18;
const OVERSCAN = 20;
const GUTTER_CHARACTERS = 8;

/** Output as text. Only the rows in sight are drawn, so its size does not matter. */
export function Console({ label, sources, version, follow, onFollow, empty }: ConsoleProps) {
  const scroller = useRef<HTMLElement>(null);
  const [box, setBox] = useState({ columns: 120, height: 400 });
  const [top, setTop] = useState(0);
  useMeasure(scroller, setBox);

  // biome-ignore lint/correctness/useExhaustiveDependencies: version stands for the content of the sources
  const rows = useMemo(
    () =>
      layOut(
        sources.map((source) => source.lines),
        box.columns,
      ),
    [sources, version, box.columns],
  );

  // Where following has put the view. Output may be drawn between somebody's scroll and the event that tells of it: who
  // was put at the end and is found above it has left, and must not be taken back.
  const placed = useRef<number>(undefined);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!follow || !element) {
      placed.current = undefined;
      return;
    }
    if (placed.current !== undefined && element.scrollTop < placed.current && !isAtEnd(element)) {
      onFollow(false);
      return;
    }
    element.scrollTop = rows.count * ROW_HEIGHT;
    placed.current = element.scrollTop;
  }, [follow, rows, onFollow]);

  const onScroll = useCallback(() => {
    const element = scroller.current;
    if (!element) {
      return;
    }
    setTop(element.scrollTop);
    if (follow && !isAtEnd(element)) {
      onFollow(false);
    }
  }, [follow, onFollow]);

  const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - OVERSCAN);
  const last = Math.min(rows.count, Math.ceil((top + box.height) / ROW_HEIGHT) + OVERSCAN);
  const shown: Row[] = [];
  for (let index = first; index < last; index += 1) {
    shown.push(rows.row(index));
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section ref={scroller} className={classes.console} aria-label={label} tabIndex={0} onScroll={onScroll}>
      {rows.clipped && (
        <div className={classes.notice}>The start is left out here: download the output to see it all.</div>
      )}
      {rows.count === 0 ? (
        <div className={classes.notice}>{empty}</div>
      ) : (
        <div className={classes.canvas} style={{ height: rows.count * ROW_HEIGHT }}>
          <div className={classes.window} style={{ transform: `translateY(${first * ROW_HEIGHT}px)` }}>
            {shown.map((row, index) => {
              const source = sources[row.source];
              return source ? (
                <ConsoleRow
                  // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place
                  key={first + index}
                  source={source}
                  row={row}
                  columns={box.columns}
                  generation={source.lines.generation}
                  version={row.line === source.lines.length - 1 ? version : 0}
                />
              ) : null;
            })}
          </div>
        </div>
      )}
    </section>
  );
}

/** Or so near that the last row is in sight. */
const isAtEnd = ({ scrollTop, clientHeight, scrollHeight }: Element): boolean =>
  scrollTop + clientHeight >= scrollHeight - ROW_HEIGHT;

interface ConsoleRowProps {
  source: ConsoleSource;
  row: Row;
  columns: number;
  generation: number;
  version: number;
}

const ConsoleRow = memo(
  function ConsoleRow({ source, row, columns }: ConsoleRowProps) {
    const gap = source.lines.gap(row.line);
    if (gap !== undefined) {
      return <div className={`${classes.row} ${classes.gap}`}>{gapText(gap)}</div>;
    }
    const number = row.part === 0 ? source.lines.number(row.line) : undefined;
    return (
      <div className={classes.row} data-marked={source.marked || undefined}>
        <span className={classes.gutter} aria-hidden>
          {source.marked && row.part === 0 && <span className={classes.mark}>err</span>}
          {row.part > 0 ? "↪" : number}
        </span>
        <span className={classes.text}>{cut(source.lines.spans(row.line), row.part * columns, columns)}</span>
      </div>
    );
  },
  (before, after) =>
    before.source.lines === after.source.lines &&
    before.source.marked === after.source.marked &&
    before.row.line === after.row.line &&
    before.row.part === after.row.part &&
    before.columns === after.columns &&
    before.generation === after.generation &&
    before.version === after.version,
);

/** The part of a line that one row shows. */
function cut(spans: Span[], from: number, columns: number) {
  const pieces = [];
  let at = 0;
  for (const span of spans) {
    const start = Math.max(0, from - at);
    const end = Math.min(span.text.length, from + columns - at);
    if (start < end) {
      const text = slice(span.text, start, end);
      pieces.push(
        Object.keys(span.style).length === 0 ? (
          text
        ) : (
          <span key={at} className={styleClass(span.style)} style={styleColors(span.style)}>
            {text}
          </span>
        ),
      );
    }
    at += span.text.length;
    if (at >= from + columns) {
      break;
    }
  }
  return pieces;
}

function styleClass(style: Style): string {
  const names: (string | undefined)[] = [];
  const [fg, bg] = style.inverse ? [style.bg, style.fg] : [style.fg, style.bg];
  if (typeof fg === "number") {
    names.push(classes[`fg${fg}`]);
  }
  if (typeof bg === "number") {
    names.push(classes[`bg${bg}`]);
  }
  if (style.inverse) {
    names.push(
      fg === undefined ? classes.inverseText : undefined,
      bg === undefined ? classes.inverseGround : undefined,
    );
  }
  for (const flag of ["bold", "dim", "italic", "underline", "strike", "control"] as const) {
    if (style[flag]) {
      names.push(classes[flag]);
    }
  }
  return names.filter(Boolean).join(" ");
}

function styleColors(style: Style) {
  const [fg, bg] = style.inverse ? [style.bg, style.fg] : [style.fg, style.bg];
  return {
    color: typeof fg === "string" ? fg : undefined,
    background: typeof bg === "string" ? bg : undefined,
  };
}

/** How many characters fit into a row, and how high the window is. */
function useMeasure(
  scroller: React.RefObject<HTMLElement | null>,
  onMeasured: (box: { columns: number; height: number }) => void,
): void {
  useEffect(() => {
    const element = scroller.current;
    if (!element || typeof ResizeObserver === "undefined") {
      return;
    }
    const probe = document.createElement("span");
    probe.className = classes.probe ?? "";
    probe.textContent = "0".repeat(100);
    element.append(probe);
    const character = probe.getBoundingClientRect().width / 100 || 7.2;
    probe.remove();
    const measure = () => {
      const columns = Math.floor(element.clientWidth / character) - GUTTER_CHARACTERS - 1;
      onMeasured({ columns: Math.max(20, columns), height: element.clientHeight });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [scroller, onMeasured]);
}
