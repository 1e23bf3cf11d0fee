import type { Stage, Status } from "../../model/flow";

const TEXT: Readonly<Record<Status, string>> = {
  healthy: "Healthy",
  waiting: "Waiting",
  blocked: "Blocked",
  unknown: "Unknown",
};

export function StageBox({ stage }: { stage: Stage }) {
  const { kind, name, facts, status, why } = stage;
  return (
    <div className={`stage stage-${status}`}>
      <p className="stage-kind">
        {kind}
        <span className={`status status-${status}`}>{TEXT[status]}</span>
      </p>
      <p className="stage-name" title={name}>
        {name}
      </p>
      <p className="stage-facts">{facts.join(" · ")}</p>
      {why && <p className="stage-why">{why}</p>}
    </div>
  );
}
