import { summaryOf, type ChartData } from "./chartData";
import { formatNumber, formatTime } from "./format";

/** A chart in a sentence or two. */
export function describeChart(title: string, data: ChartData): string {
  const first = data.times[0];
  const last = data.times.at(-1);
  if (first === undefined || last === undefined) return `${title}: nothing to draw yet.`;
  const lines = summaryOf(data).map(({ label, type, latest, min, max }) => {
    const values = [
      latest === null ? "" : `latest ${formatNumber(latest, type)}`,
      `least ${formatNumber(min, type)}`,
      `greatest ${formatNumber(max, type)}`,
    ];
    return `${label}: ${values.filter(Boolean).join(", ")}.`;
  });
  const points = `${data.times.length} ${data.times.length === 1 ? "point" : "points"}`;
  return [`${title}, ${points} from ${formatTime(first, last)} to ${formatTime(last, last)}.`, ...lines].join(
    " ",
  );
}
