import type { ChartData } from "../model/chartData";
import { formatNumber, formatTime } from "../model/format";

/** A chart's values, newest first. */
export function ChartTable({ title, data }: { title: string; data: ChartData }) {
  const last = data.times.at(-1) ?? 0;
  return (
    // It scrolls, so the keyboard must get there.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="chart-table" role="region" aria-label={`Values of ${title}, scrolling`} tabIndex={0}>
      <table aria-label={`Values of ${title}`}>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {data.series.map(({ label }) => (
              <th key={label} scope="col" className="number">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {data.times
            .map((time, at) => (
              <tr key={time}>
                <th scope="row">{formatTime(time, last)}</th>
                {data.series.map(({ label, values, type }) => {
                  const value = values[at] ?? null;
                  return (
                    <td key={label} className="number">
                      {value === null ? "–" : formatNumber(value, type)}
                    </td>
                  );
                })}
              </tr>
            ))
            .reverse()}
        </tbody>
      </table>
    </div>
  );
}
