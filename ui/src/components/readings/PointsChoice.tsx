import { useDashboard } from "../../live/context";
import { POINTS } from "../../live/preferences";
import { useSignal } from "../../live/signal";

/** How many points the rolling window of the charts holds. */
export function PointsChoice() {
  const { points } = useDashboard().preferences;
  return (
    <label className="field">
      <span>Points</span>
      <select value={useSignal(points)} onChange={(event) => points.set(Number(event.target.value))}>
        {POINTS.map((count) => (
          <option key={count} value={count}>
            {count}
          </option>
        ))}
      </select>
    </label>
  );
}
