import { useEffect } from "react";
import { Loading } from "./components/Loading";
import { Page } from "./components/Page";
import { ProblemNotice } from "./components/ProblemNotice";
import { TokenForm } from "./components/TokenForm";
import { DashboardContext, FeedContext } from "./live/context";
import type { Dashboard } from "./live/dashboard";
import { useSignal } from "./live/signal";

export function App({ dashboard }: { dashboard: Dashboard }) {
  const phase = useSignal(dashboard.phase);
  const name = phase.kind === "ready" ? phase.feed.pipeline.name : null;
  useEffect(() => {
    document.title = name === null ? "SensorStream" : `${name} – SensorStream`;
  }, [name]);

  return (
    <DashboardContext value={dashboard}>
      {phase.kind === "ready" ? (
        <FeedContext value={phase.feed}>
          <Page />
        </FeedContext>
      ) : (
        <main className="gate">
          <h1 className="gate-title">SensorStream</h1>
          {phase.kind === "loading" && <Loading label="Loading the pipeline" lines={6} />}
          {phase.kind === "failed" && (
            <ProblemNotice what="The pipeline can't be shown" problem={phase.problem} />
          )}
          {phase.kind === "unauthorized" && (
            <TokenForm refused={phase.refused} onSubmit={(token) => dashboard.submitToken(token)} />
          )}
        </main>
      )}
    </DashboardContext>
  );
}
