import { useRef } from "react";
import { useFeed } from "../live/context";
import { useSignal } from "../live/signal";
import { Alerts } from "./alerts/Alerts";
import { Banner } from "./Banner";
import { DeadLetters } from "./deadletters/DeadLetters";
import { FlowSection } from "./flow/FlowSection";
import { Header } from "./Header";
import { ReadingsSection } from "./readings/ReadingsSection";
import { useSelection } from "./selection";
import { WindowsSection } from "./windows/WindowsSection";

export function Page() {
  const { pipeline, connection } = useFeed();
  const offline = useSignal(connection).mode === "offline";
  const [selected, select] = useSelection();
  const main = useRef<HTMLElement>(null);

  return (
    <>
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <Header />
      <main ref={main} tabIndex={-1} className={offline ? "page page-offline" : "page"}>
        <Banner />
        <FlowSection />
        {pipeline.table !== null && <ReadingsSection selected={selected} onSelect={select} />}
        {pipeline.windows.length > 0 && <WindowsSection selected={selected} />}
        <div className="pair">
          {pipeline.rules.length > 0 && <Alerts selected={selected} onSelect={select} />}
          <DeadLetters />
        </div>
      </main>
      <footer className="foot">
        {pipeline.namespace}/{pipeline.name} · SensorStream {pipeline.version}
      </footer>
    </>
  );
}
