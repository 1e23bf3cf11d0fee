import { useEffect, useEffectEvent, useRef } from "react";
import uPlot from "uplot";
import { useDashboard } from "../live/context";
import { useSignal } from "../live/signal";
import type { ChartData } from "../model/chartData";
import { coloursOf } from "./colours";
import { optionsFor } from "./options";

interface PlotProps {
  data: ChartData;
  onCursor: (index: number | null) => void;
}

const HEIGHT = 200;

/** Draws on a canvas. A plot is made anew only when other lines or colours are wanted, not for other values. */
export function Plot({ data, onCursor }: PlotProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const appearance = useSignal(useDashboard().appearance);
  const structure = JSON.stringify(
    data.series.map(({ label, style, axis, type }) => [label, style, axis, type]),
  );
  const create = useEffectEvent((element: HTMLElement) => {
    const options = optionsFor(data.series, coloursOf(element), onCursor);
    return new uPlot({ ...options, width: element.clientWidth, height: HEIGHT }, aligned(data), element);
  });

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const created = create(element);
    plot.current = created;
    const observer = new ResizeObserver(() =>
      created.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
      plot.current = null;
    };
  }, [structure, appearance]);

  useEffect(() => plot.current?.setData(aligned(data)), [data]);

  return <div ref={frame} className="plot" />;
}

function aligned({ times, series }: ChartData): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])];
}
