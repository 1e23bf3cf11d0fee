import { useFeed } from "../../live/context";
import { useSignal } from "../../live/signal";
import { formatCount } from "../../model/format";
import { plural } from "../../model/names";
import { keyLabel } from "../../model/shape";
import { Empty } from "../Empty";
import { Loading } from "../Loading";
import { ProblemNotice } from "../ProblemNotice";
import { useSection } from "../section";
import { CurrentValues } from "./CurrentValues";
import { KeyFilter } from "./KeyFilter";
import { KeyTable } from "./KeyTable";
import { PointsChoice } from "./PointsChoice";
import { ReadingCharts } from "./ReadingCharts";

interface ReadingsSectionProps {
  selected: string | null;
  onSelect: (key: string | null) => void;
}

/** Current values and charts: of one key, or of all. */
export function ReadingsSection({ selected, onSelect }: ReadingsSectionProps) {
  const feed = useFeed();
  const view = useSignal(feed.readings);
  const state = useSection("readings");
  const { scope, latest } = view;
  const { noun } = feed.shape;
  const current = scope.kind === "one" ? latest.find(({ key }) => key === scope.key) : undefined;
  const nothing = scope.kind === "one" ? !current : latest.length === 0;
  const loading = nothing && state === "loading";

  return (
    <section aria-labelledby="readings">
      <div className="section-head">
        <h2 id="readings">Readings</h2>
        <div className="section-tools">
          <KeyFilter
            keys={latest.map(({ key }) => key)}
            noun={noun}
            selected={selected}
            onSelect={onSelect}
          />
          <PointsChoice />
        </div>
      </div>
      {typeof state === "object" && <ProblemNotice what="The readings can't be read" problem={state} />}
      {loading && <Loading label="Loading readings" lines={5} />}
      {nothing && state === "loaded" && (
        <NoReadings noun={noun} selected={selected} simulated={feed.pipeline.simulated} />
      )}
      {current && (
        <>
          <CurrentValues latest={current} />
          <ReadingCharts view={view} />
        </>
      )}
      {!nothing && scope.kind !== "one" && (
        <>
          <p className="hint">
            {scope.kind === "many"
              ? `All ${formatCount(latest.length)} ${plural(noun, latest.length)} together; choose one for its own lines.`
              : `A line for each ${noun}; choose one to compare its fields.`}
          </p>
          <div className={scope.kind === "few" ? "fleet fleet-few" : "fleet"}>
            <KeyTable latest={latest} onSelect={onSelect} caption={`Newest reading of each ${noun}`} />
            <ReadingCharts view={view} />
          </div>
        </>
      )}
    </section>
  );
}

function NoReadings({
  noun,
  selected,
  simulated,
}: {
  noun: string;
  selected: string | null;
  simulated: boolean;
}) {
  const { pipeline, shape } = useFeed();
  if (selected !== null) {
    return (
      <Empty title={`No readings of ${keyLabel(shape, selected)} yet`}>
        <p>They appear here as they come. Or choose another {noun}.</p>
      </Empty>
    );
  }
  return (
    <Empty title="No readings yet">
      <p>
        {simulated
          ? "The simulator’s first readings appear here as soon as they are committed."
          : `Write readings to the topic ${pipeline.input.topic}; they appear here as soon as they are committed.`}
      </p>
    </Empty>
  );
}
