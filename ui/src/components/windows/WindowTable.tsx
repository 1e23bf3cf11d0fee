import { useState } from "react";
import type { Column, Row, Value, WindowSpec } from "../../api/types";
import { useNow } from "../../live/clock";
import { formatDuration } from "../../model/age";
import { formatCount, formatValue } from "../../model/format";
import { titleOf } from "../../model/names";
import { isNumeric, numberOf } from "../../model/shape";
import { rowId } from "../../model/windowRows";

const STEP = 50;

/** The newest rows, newest first. */
export function WindowTable({ window, rows }: { window: WindowSpec; rows: readonly Row[] }) {
  const [shown, setShown] = useState(STEP);
  const now = useNow();
  return (
    // It scrolls, so the keyboard must get there.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="card rows" role="region" aria-label={`Rows of ${window.name}`} tabIndex={0}>
      <table aria-label={window.name}>
        <thead>
          <tr>
            {window.columns.map((column) => (
              <th key={column.name} scope="col" className={isNumeric(column.type) ? "number" : undefined}>
                {column.holds === "duration"
                  ? titleOf(column.name).replace(/ \(s\)$/, "")
                  : titleOf(column.name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown).map((row) => (
            <tr key={rowId(window, row)}>
              {window.columns.map((column) => (
                <td key={column.name} className={isNumeric(column.type) ? "number" : undefined}>
                  {cell(column, row[column.name], now)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shown && (
        <button type="button" className="button more" onClick={() => setShown(shown + STEP)}>
          Show more of {formatCount(rows.length)}
        </button>
      )}
    </div>
  );
}

function cell({ type, holds }: Column, value: Value | undefined, now: number): string {
  const seconds = holds === "duration" ? numberOf(value) : null;
  return seconds === null ? formatValue(value, type, now) : formatDuration(seconds * 1000);
}
