/** Differences below this are the way from the server to here, not clocks. */
const TOLERANCE = 2000;

/** How far the server's clock is ahead of this one, by what it says the time is. */
export function clockOffset(observedAt: string, receivedAt: number): number {
  const offset = Date.parse(observedAt) - receivedAt;
  return Math.abs(offset) > TOLERANCE ? offset : 0;
}
