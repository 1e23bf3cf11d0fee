import { summaryOf, type ChartData, type Series } from "../model/chartData";
import { formatNumber, formatTime } from "../model/format";

interface LegendProps {
  data: ChartData;
  cursor: number | null;
}

/** Each line's colour and value: the one under the pointer, or else the latest with the range. */
export function Legend({ data, cursor }: LegendProps) {
  const time = cursor === null ? undefined : data.times[cursor];
  const summaries = new Map(summaryOf(data).map((summary) => [summary.label, summary]));
  const last = data.times.at(-1) ?? 0;

  return (
    <ul className="legend">
      {data.series.map((series, at) => {
        if (series.style === "edge" && time === undefined) return null;
        const summary = summaries.get(series.label);
        const value = time === undefined ? (summary?.latest ?? null) : valueAt(series, cursor);
        return (
          <li key={series.label} className="legend-item">
            <span className={`swatch swatch-${series.style} series-${(at % 8) + 1}`} aria-hidden="true" />
            <span className="legend-label">{series.label}</span>
            <span className="legend-value">{value === null ? "–" : formatNumber(value, series.type)}</span>
            {time === undefined && summary && data.series.length <= 3 && (
              <span className="legend-range">
                {formatNumber(summary.min, series.type)} – {formatNumber(summary.max, series.type)}
              </span>
            )}
          </li>
        );
      })}
      {time !== undefined && <li className="legend-time">{formatTime(time, last)}</li>}
    </ul>
  );
}

function valueAt({ values }: Series, cursor: number | null): number | null {
  return cursor === null ? null : (values[cursor] ?? null);
}
