export interface Colours {
  text: string;
  grid: string;
  surface: string;
  /** Of the lines, in turn. */
  series: readonly string[];
  band: string;
}

export const SERIES_COLOURS = 8;

/** The colours that the style sheets give; a canvas has to be told. */
export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  return {
    text: colour("--text-muted"),
    grid: colour("--line"),
    surface: colour("--surface"),
    series: Array.from({ length: SERIES_COLOURS }, (_, at) => colour(`--series-${at + 1}`)),
    band: colour("--band"),
  };
}
