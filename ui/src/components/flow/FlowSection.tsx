import type { Health } from "../../api/types";
import { useFeed } from "../../live/context";
import { useSignal } from "../../live/signal";
import { flowOf } from "../../model/flow";
import { formatTime } from "../../model/format";
import { Conditions } from "./Conditions";
import { Counters } from "./Counters";
import { Partitions } from "./Partitions";
import { StageBox } from "./StageBox";

/** The pipeline from end to end: where readings come from, pass through and end up. */
export function FlowSection() {
  const feed = useFeed();
  const health = useSignal(feed.health);
  const offline = useSignal(feed.connection).mode === "offline";
  const { producer, topic, processor, sinks } = flowOf(feed.pipeline, health);

  return (
    <section aria-labelledby="flow">
      <h2 id="flow" className="hidden">
        Flow
      </h2>
      <div className="card flow-card">
        <ol className="flow">
          {[producer, topic, processor].map((stage) => (
            <li key={stage.id} className="flow-step">
              <StageBox stage={stage} />
            </li>
          ))}
          <li className="flow-step flow-sinks">
            <ul aria-label="Sinks">
              {sinks.map((stage) => (
                <li key={stage.id}>
                  <StageBox stage={stage} />
                </li>
              ))}
            </ul>
          </li>
        </ol>
        {health && offline && <p className="as-of">As it was at {observedAt(health)}.</p>}
        {health && <Counters health={health} />}
        {health && <Conditions health={health} />}
        {health && <Partitions health={health} />}
      </div>
    </section>
  );
}

function observedAt(health: Health): string {
  const time = Date.parse(health.observedAt);
  return formatTime(time, time);
}
