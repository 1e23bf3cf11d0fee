import { useFeed } from "../../live/context";
import { useSignal } from "../../live/signal";
import { formatCount } from "../../model/format";
import { keyLabel } from "../../model/shape";
import { Empty } from "../Empty";
import { Journal } from "../Journal";
import { Loading } from "../Loading";
import { ProblemNotice } from "../ProblemNotice";
import { useSection } from "../section";
import { AlertItem } from "./AlertItem";
import { Announcer } from "./Announcer";

interface AlertsProps {
  selected: string | null;
  onSelect: (key: string) => void;
}

/** What the rules found, newest first. */
export function Alerts({ selected, onSelect }: AlertsProps) {
  const feed = useFeed();
  const all = useSignal(feed.alerts);
  const state = useSection("alerts");
  const alerts = selected === null ? all : all.filter(({ alert }) => String(alert.key) === selected);

  return (
    <section aria-labelledby="alerts">
      <div className="section-head">
        <h2 id="alerts">
          Alerts {alerts.length > 0 && <span className="count">newest {formatCount(alerts.length)}</span>}
        </h2>
        {selected !== null && <p className="muted">of {keyLabel(feed.shape, selected)}</p>}
      </div>
      <Announcer alerts={all} ready={state === "loaded"} />
      {typeof state === "object" && <ProblemNotice what="Alerts can't be read" problem={state} />}
      {state === "loading" && all.length === 0 && <Loading label="Loading alerts" />}
      {state === "loaded" && alerts.length === 0 && (
        <Empty title="No alerts">
          <p>Rules: {feed.pipeline.rules.map(({ name, when }) => `${name} (${when})`).join(", ")}</p>
        </Empty>
      )}
      {alerts.length > 0 && (
        <Journal key={selected ?? ""} entries={alerts}>
          {(entry) => <AlertItem key={entry.id} entry={entry} onSelect={onSelect} />}
        </Journal>
      )}
    </section>
  );
}
