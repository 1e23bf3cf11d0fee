import { useEffect, useState } from "react";
import type { WindowSpec } from "../../api/types";
import { useFeed } from "../../live/context";
import { useSignal } from "../../live/signal";
import { WindowFeed } from "../../live/windowFeed";
import { Empty } from "../Empty";
import { Loading } from "../Loading";
import { ProblemNotice } from "../ProblemNotice";
import { SessionBars } from "./SessionBars";
import { WindowChart } from "./WindowChart";
import { WindowTable } from "./WindowTable";

/** One window's newest rows, as a chart and as a table. */
export function WindowPanel({ window, selected }: { window: WindowSpec; selected: string | null }) {
  const { client, health, pipeline } = useFeed();
  const [rowsFeed] = useState(
    () =>
      new WindowFeed({
        client,
        window,
        key: selected,
        pageSize: pipeline.limits.pageSize,
        health,
        now: () => Date.now(),
      }),
  );
  useEffect(() => rowsFeed.start(), [rowsFeed]);
  const { rows, loaded, problem } = useSignal(rowsFeed.state);

  return (
    <>
      {problem && <ProblemNotice what="The window can't be read" problem={problem} />}
      {!loaded && !problem && <Loading label="Loading the window" lines={4} />}
      {loaded && rows.length === 0 && (
        <Empty title="No rows yet">
          <p>A row appears with the first reading of its window.</p>
        </Empty>
      )}
      {rows.length > 0 && (
        <div className="window">
          {window.kind === "session" ? (
            <SessionBars window={window} rows={rows} />
          ) : (
            <WindowChart window={window} rows={rows} />
          )}
          <WindowTable window={window} rows={rows} />
        </div>
      )}
    </>
  );
}
