import type uPlot from "uplot";
import type { Series } from "../model/chartData";
import { formatCompact } from "../model/format";
import type { Colours } from "./colours";

/** Points are marked while they are far enough apart to be told. */
const MARKED_UP_TO = 60;

/** No labels for parts of a second. */
const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400,
].map((seconds) => seconds * 1000);

const SIDE_LEFT = 3;
const SIDE_RIGHT = 1;

const FONT = "11px system-ui, sans-serif";

export type PlotOptions = Omit<uPlot.Options, "width" | "height">;

export function optionsFor(
  series: readonly Series[],
  colours: Colours,
  onCursor: (index: number | null) => void,
): PlotOptions {
  const right = series.some(({ axis }) => axis === "right");
  const greatest = series.findIndex(({ style }) => style === "edge");
  return {
    ms: 1,
    // The last label of the time axis reaches beyond it.
    padding: [8, right ? 0 : 28, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      move: toNearestPoint,
      points: {
        size: (_, at) => (series[at - 1]?.style === "edge" ? 0 : 8),
        fill: (_, at) => colourOf(colours, at - 1),
        width: 0,
      },
    },
    scales: { x: { time: true }, left: { range: roomFor }, ...(right && { right: { range: roomFor } }) },
    axes: [timeAxis(colours), valueAxis("left", colours), ...(right ? [valueAxis("right", colours)] : [])],
    series: [{}, ...series.map((one, at) => line(one, colours, at))],
    // uPlot counts the times as series 0.
    ...(greatest >= 0 && { bands: [{ series: [greatest + 1, greatest + 2], fill: colours.band }] }),
    hooks: {
      setCursor: [({ cursor }) => onCursor(cursor.idx ?? null)],
    },
  };
}

function line({ label, style, axis }: Series, colours: Colours, at: number): uPlot.Series {
  if (style === "edge") return { label, scale: axis, width: 0, points: { show: false }, spanGaps: true };
  const colour = colourOf(colours, at);
  return {
    label,
    scale: axis,
    stroke: colour,
    width: 2,
    // Other keys have readings at other times.
    spanGaps: true,
    points: {
      size: 6,
      fill: colours.surface,
      stroke: colour,
      show: (plot) => plot.data[0].length <= MARKED_UP_TO,
    },
  };
}

function colourOf(colours: Colours, at: number): string {
  return colours.series[at % colours.series.length] ?? colours.text;
}

/** The cursor stands where there is a value, which is the one that the legend tells. */
function toNearestPoint(plot: uPlot, left: number, top: number): [number, number] {
  const time = left < 0 ? undefined : plot.data[0][plot.posToIdx(left)];
  return [time === undefined ? left : plot.valToPos(time, "x"), top];
}

function timeAxis({ text, grid }: Colours): uPlot.Axis {
  return {
    stroke: text,
    font: FONT,
    size: 28,
    gap: 6,
    space: 72,
    incrs: TIME_STEPS,
    grid: { show: false },
    ticks: { stroke: grid, width: 1, size: 4 },
    values: (_, times, __, ___, step) => times.map((time) => timeLabel(time, step)),
  };
}

function valueAxis(scale: "left" | "right", { text, grid }: Colours): uPlot.Axis {
  return {
    scale,
    // The enum is only in the types; what runs wants the number.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
    side: scale === "left" ? SIDE_LEFT : SIDE_RIGHT,
    stroke: text,
    font: FONT,
    gap: 6,
    space: 36,
    size: (_, labels: string[] | null) => 14 + 7 * Math.max(2, ...(labels ?? []).map(({ length }) => length)),
    grid: { show: scale === "left", stroke: grid, width: 1 },
    ticks: { show: false },
    values: (_, values, __, ___, step) => values.map((value) => valueLabel(value, step)),
  };
}

/** A tenth of the range above and below, and some room around values that are all the same. */
function roomFor(_: uPlot, min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const room = max > min ? (max - min) * 0.1 : Math.abs(max) * 0.05 || 1;
  // Counts and the like start at zero anyway; do not draw below it.
  return [min >= 0 ? Math.max(0, min - room) : min - room, max + room];
}

function timeLabel(time: number, step: number): string {
  const date = new Date(time);
  const two = (part: number): string => String(part).padStart(2, "0");
  if (step >= 86_400_000) return `${date.getDate()}.${date.getMonth() + 1}.`;
  const minutes = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return step >= 60_000 ? minutes : `${minutes}:${two(date.getSeconds())}`;
}

function valueLabel(value: number, step: number): string {
  if (Math.abs(value) >= 10_000) return formatCompact(value);
  // As many decimals as the steps have.
  const decimals = [0, 1, 2, 3, 4].find((digits) =>
    Number.isInteger(Number((step * 10 ** digits).toFixed(6))),
  );
  return value.toFixed(decimals ?? 5);
}
