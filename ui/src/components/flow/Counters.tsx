import type { Health } from "../../api/types";
import { countersOf } from "../../model/counters";
import { formatCount } from "../../model/format";

const SIGNS = ["", "=", "+", "+", ""];

/** What became of every record: read = accepted + dead-lettered + dropped. */
export function Counters({ health }: { health: Health }) {
  return (
    <dl className="counters">
      {countersOf(health).map(({ name, count, reasons, grave }, at) => (
        <div key={name} className="counter">
          {SIGNS[at] && (
            <span className="counter-sign" aria-hidden="true">
              {SIGNS[at]}
            </span>
          )}
          <dt>{name}</dt>
          <dd className={grave && count > 0 ? "counter-grave" : undefined}>
            {formatCount(count)}
            {reasons.length > 0 && (
              <span className="counter-reasons">
                {reasons.map(([reason, times]) => `${formatCount(times)} ${reason}`).join(", ")}
              </span>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}
