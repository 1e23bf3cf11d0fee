import { useId, useState, type ReactNode } from "react";
import type { ChartData } from "../model/chartData";
import { describeChart } from "../model/chartText";
import { ChartTable } from "./ChartTable";
import { Legend } from "./Legend";
import { Plot } from "./Plot";

interface ChartCardProps {
  title: string;
  note?: string | undefined;
  data: ChartData;
  wide?: boolean;
  tools?: ReactNode;
}

/** A chart with its name, legend and text; the same values can be read as a table. */
export function ChartCard({ title, note, data, wide = false, tools }: ChartCardProps) {
  const id = useId();
  const [asTable, setAsTable] = useState(false);
  // The point under the pointer.
  const [cursor, setCursor] = useState<number | null>(null);

  return (
    <section className={wide ? "card chart chart-wide" : "card chart"} aria-labelledby={id}>
      <div className="chart-head">
        <h3 id={id}>
          {title}
          {note && <span className="chart-note">{note}</span>}
        </h3>
        <div className="chart-tools">
          {tools}
          <button
            type="button"
            className="button button-small"
            aria-pressed={asTable}
            aria-label={`Table of ${title}`}
            onClick={() => setAsTable(!asTable)}
          >
            Table
          </button>
        </div>
      </div>
      <Legend data={data} cursor={cursor} />
      {asTable ? (
        <ChartTable title={title} data={data} />
      ) : (
        <div role="img" aria-label={describeChart(title, data)} className="plot-frame">
          <Plot data={data} onCursor={setCursor} />
        </div>
      )}
    </section>
  );
}
