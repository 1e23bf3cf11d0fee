/** Rows kept ready beyond either edge, so that scrolling shows no holes. */
const MARGIN = 6;

export interface RowRange {
  first: number;
  /** After the last. */
  end: number;
}

/** Which of `count` rows of equal height are in sight. */
export function rowsInSight(
  scrollTop: number,
  viewHeight: number,
  rowHeight: number,
  count: number,
): RowRange {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - MARGIN);
  const end = Math.min(count, Math.ceil((scrollTop + viewHeight) / rowHeight) + MARGIN);
  return { first: Math.min(first, end), end };
}
