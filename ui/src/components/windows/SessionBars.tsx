import { useId } from "react";
import type { Row, WindowSpec } from "../../api/types";
import { formatDuration } from "../../model/age";
import { formatTime } from "../../model/format";
import { lengthOf } from "../../model/sessions";
import { endOf, groupOf, rowId } from "../../model/windowRows";

const BARS = 12;

/** How long the newest sessions are. */
export function SessionBars({ window, rows }: { window: WindowSpec; rows: readonly Row[] }) {
  const id = useId();
  const newest = rows.slice(0, BARS).map((row) => ({ row, length: lengthOf(window, row) }));
  const longest = Math.max(1, ...newest.map(({ length }) => length));
  const last = rows[0] ? endOf(window, rows[0]) : 0;

  return (
    <section className="card chart" aria-labelledby={id}>
      <div className="chart-head">
        <h3 id={id}>
          Duration <span className="chart-note">of the newest sessions, by their end</span>
        </h3>
      </div>
      <ol className="bars">
        {newest.map(({ row, length }) => (
          <li key={rowId(window, row)} className="bar">
            <span className="bar-label">{groupOf(window, row)}</span>
            <span className="bar-track">
              <span className="bar-fill" style={{ width: `${(length / longest) * 100}%` }} />
            </span>
            <span className="bar-value">{formatDuration(length)}</span>
            <span className="bar-time">{formatTime(endOf(window, row), last)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
