import { ChartCard } from "../../charts/ChartCard";
import { useFeed } from "../../live/context";
import { formatDuration } from "../../model/age";
import { fieldChart } from "../../model/chartData";
import { titleOf } from "../../model/names";
import type { ReadingsView } from "../../model/readings";
import { CombinedChart } from "./CombinedChart";

/** A chart for each numeric field, and one that compares two. */
export function ReadingCharts({ view }: { view: ReadingsView }) {
  const { shape } = useFeed();
  const many = view.scope.kind === "many";
  return (
    <div className="charts">
      {shape.numeric.map((field) => (
        <ChartCard
          key={field.name}
          title={titleOf(field.name)}
          note={many ? `mean and range of each ${formatDuration(view.bucketStep)}` : undefined}
          data={fieldChart(view, field)}
        />
      ))}
      {shape.numeric.length > 1 && view.scope.kind !== "few" && (
        <CombinedChart view={view} fields={shape.numeric} />
      )}
    </div>
  );
}
