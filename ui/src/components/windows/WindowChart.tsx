import { useState } from "react";
import type { Row, WindowSpec } from "../../api/types";
import { ChartCard } from "../../charts/ChartCard";
import { joinLines } from "../../model/chartData";
import { formatCount } from "../../model/format";
import { plural, titleOf } from "../../model/names";
import { drawable, linesOf } from "../../model/windowRows";

/** Windows on a line. */
const POINTS = 60;

/** A column of the window over the ends of windows: a line a group, of the groups that are greatest now. */
export function WindowChart({ window, rows }: { window: WindowSpec; rows: readonly Row[] }) {
  const columns = drawable(window);
  const first = columns.find(({ holds }) => holds === "value") ?? columns[0];
  const [name, setName] = useState(first?.name);
  const column = columns.find((candidate) => candidate.name === name) ?? first;
  if (!column) return null;
  const { lines, left } = linesOf(window, rows, column.name, POINTS);
  const groups = window.groupBy.length > 0;
  const labelled = groups ? lines : lines.map((line) => ({ ...line, label: titleOf(column.name) }));

  return (
    <ChartCard
      title={titleOf(column.name)}
      note={
        left > 0
          ? `the ${lines.length} greatest; ${formatCount(left)} more ${plural("group", left)}`
          : undefined
      }
      data={joinLines(labelled, column.type)}
      tools={
        columns.length > 1 && (
          <label className="field">
            <span>Column</span>
            <select value={column.name} onChange={(event) => setName(event.target.value)}>
              {columns.map((candidate) => (
                <option key={candidate.name} value={candidate.name}>
                  {titleOf(candidate.name)}
                </option>
              ))}
            </select>
          </label>
        )
      }
    />
  );
}
