import type { Health } from "../../api/types";
import { sortedConditions, verdictOf, type Verdict } from "../../model/conditions";
import { Age } from "../Age";

export function Conditions({ health }: { health: Health }) {
  const { conditions, conditionsAt } = health;
  if (conditionsAt === null) {
    return <p className="conditions muted">The operator has not written any conditions yet.</p>;
  }
  return (
    <details className="conditions">
      <summary>
        Conditions <span className="muted">{summarize(health)}</span>
      </summary>
      <ul>
        {sortedConditions(conditions).map((condition) => (
          <li key={condition.type} className="condition">
            <span className={`verdict verdict-${verdictOf(condition)}`}>
              {condition.type} is {condition.status}
            </span>
            <span>{condition.reason}</span>
            <span className="muted">
              since <Age time={Date.parse(condition.lastTransitionTime)} />
            </span>
            {condition.message && <p>{condition.message}</p>}
          </li>
        ))}
      </ul>
    </details>
  );
}

function summarize({ conditions }: Health): string {
  const count = (wanted: Verdict): number =>
    conditions.filter((condition) => verdictOf(condition) === wanted).length;
  const bad = count("bad");
  const unknown = count("unknown");
  if (bad === 0 && unknown === 0) return `all ${conditions.length} met`;
  const parts = [bad > 0 ? `${bad} not met` : "", unknown > 0 ? `${unknown} unknown` : ""];
  return `of ${conditions.length}, ${parts.filter(Boolean).join(", ")}`;
}
