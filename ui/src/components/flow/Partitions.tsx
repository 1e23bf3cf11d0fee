import type { Health } from "../../api/types";
import { formatDuration } from "../../model/age";
import { formatCount } from "../../model/format";
import { Age } from "../Age";

/** Where each partition is, for when one of them lags. */
export function Partitions({ health }: { health: Health }) {
  const { partitions, observedAt } = health;
  if (partitions.length === 0) return null;
  return (
    <details className="conditions">
      <summary>Partitions</summary>
      {/* It scrolls, so the keyboard must get there. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="partitions" role="region" aria-label="Partitions" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Partition</th>
              <th scope="col" className="number">
                Lag
              </th>
              <th scope="col" className="number">
                Next offset
              </th>
              <th scope="col" className="number">
                Watermark behind
              </th>
              <th scope="col" className="number">
                Last commit
              </th>
              <th scope="col">Owner</th>
            </tr>
          </thead>
          <tbody>
            {partitions.map(({ partition, lag, nextOffset, watermark, lastCommit, owner }) => (
              <tr key={partition}>
                <th scope="row">{partition}</th>
                <td className="number">{lag === null ? "–" : formatCount(lag)}</td>
                <td className="number">{formatCount(nextOffset)}</td>
                <td className="number">
                  {watermark === null ? "–" : formatDuration(Date.parse(observedAt) - Date.parse(watermark))}
                </td>
                <td className="number">
                  <Age time={lastCommit === null ? NaN : Date.parse(lastCommit)} />
                </td>
                <td>{owner}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
