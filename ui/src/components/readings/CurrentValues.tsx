import { useNow } from "../../live/clock";
import { useFeed } from "../../live/context";
import { isStale } from "../../model/age";
import { formatValue } from "../../model/format";
import type { Latest } from "../../model/latest";
import { labelOf } from "../../model/names";
import { keyLabel } from "../../model/shape";
import { trendOf } from "../../model/trend";
import { Age } from "../Age";
import { TrendArrow } from "../TrendArrow";

/** One key's newest reading, to be read from across the room. */
export function CurrentValues({ latest }: { latest: Latest }) {
  const { shape } = useFeed();
  const now = useNow();
  const stale = isStale(now - latest.time, latest.interval);

  return (
    <div className={stale ? "values values-stale" : "values"}>
      <p className="values-of">
        <span className="values-key">{keyLabel(shape, latest.key)}</span>{" "}
        <Age time={latest.time} interval={latest.interval} />
      </p>
      <dl className="values-list">
        {shape.values.map(({ name, type }) => {
          const { name: label, unit } = labelOf(name);
          return (
            <div key={name} className="card value">
              <dt>{label}</dt>
              <dd>
                <span className={type === "string" ? "value-text" : "value-number"}>
                  {formatValue(latest.reading[name], type, now)}
                </span>
                {unit && <span className="value-unit">{unit}</span>}
                <TrendArrow trend={type === "string" ? null : trendOf(latest, name)} />
              </dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}
