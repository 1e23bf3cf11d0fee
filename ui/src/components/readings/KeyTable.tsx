import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from "react";
import { useFeed } from "../../live/context";
import { sortLatest, type KeySort } from "../../model/keySort";
import type { Latest } from "../../model/latest";
import { titleOf } from "../../model/names";
import { rowsInSight } from "../../model/virtualRows";
import { KeyRow } from "./KeyRow";
import { SortHeader } from "./SortHeader";

interface KeyTableProps {
  latest: readonly Latest[];
  caption: string;
  onSelect: (key: string) => void;
}

const ROW_HEIGHT = 32;
const PAGE = 15;

/** The newest reading of each key. Only rows in sight are rendered, so that thousands stay fast. */
export function KeyTable({ latest, caption, onSelect }: KeyTableProps) {
  const { shape } = useFeed();
  const [sort, setSort] = useState<KeySort>({ by: "key", descending: false });
  const [scrollTop, setScrollTop] = useState(0);
  const [viewHeight, setViewHeight] = useState(600);
  const [active, setActive] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  // Set when the keyboard moves to a row, which may have to be scrolled to and rendered first.
  const focusNext = useRef(false);

  const rows = sortLatest(latest, sort);
  const { first, end } = rowsInSight(scrollTop, viewHeight, ROW_HEIGHT, rows.length);
  // The tab stop is always a row that is there.
  const stop = active >= first && active < end ? active : Math.min(first + 6, end - 1);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setViewHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    if (!focusNext.current) return;
    focusNext.current = false;
    scroller.current?.querySelector<HTMLElement>('.key-button[tabindex="0"]')?.focus();
  });

  function move(event: KeyboardEvent): void {
    const target = targetRow(event.key, stop, rows.length);
    if (target === null || !scroller.current) return;
    event.preventDefault();
    const top = target * ROW_HEIGHT;
    const { scrollTop: seen } = scroller.current;
    const within = Math.min(top, Math.max(seen, top - viewHeight + 3 * ROW_HEIGHT));
    scroller.current.scrollTop = within;
    setScrollTop(within);
    setActive(target);
    focusNext.current = true;
  }

  const column = { sort, onSort: setSort };
  return (
    <div
      ref={scroller}
      className="card key-table"
      onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
    >
      <table aria-rowcount={rows.length + 1}>
        <caption className="hidden">{caption}</caption>
        <thead>
          <tr aria-rowindex={1}>
            <SortHeader by="key" title={titleOf(shape.key)} {...column} />
            {shape.values.map(({ name, type }) => (
              <SortHeader
                key={name}
                by={name}
                title={titleOf(name)}
                numeric={type !== "string"}
                {...column}
              />
            ))}
            <SortHeader by="age" title="Age" numeric {...column} />
          </tr>
        </thead>
        {/* Keys are handled for the row's button that has the focus. */}
        {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
        <tbody onKeyDown={move}>
          <Space rows={first} />
          {rows.slice(first, end).map((row, at) => (
            <KeyRow
              key={row.key}
              latest={row}
              fields={shape.values}
              rowIndex={first + at + 2}
              tabStop={first + at === stop}
              onSelect={onSelect}
            />
          ))}
          <Space rows={rows.length - end} />
        </tbody>
      </table>
    </div>
  );
}

/** Takes the room of rows that are not rendered. */
function Space({ rows }: { rows: number }) {
  if (rows <= 0) return null;
  return (
    <tr aria-hidden="true" style={{ height: rows * ROW_HEIGHT }}>
      <td />
    </tr>
  );
}

function targetRow(key: string, from: number, count: number): number | null {
  const to = (row: number): number => Math.max(0, Math.min(count - 1, row));
  switch (key) {
    case "ArrowDown":
      return to(from + 1);
    case "ArrowUp":
      return to(from - 1);
    case "PageDown":
      return to(from + PAGE);
    case "PageUp":
      return to(from - PAGE);
    case "Home":
      return 0;
    case "End":
      return to(count);
    default:
      return null;
  }
}
