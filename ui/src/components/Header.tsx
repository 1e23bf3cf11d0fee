import { useFeed } from "../live/context";
import { useSignal } from "../live/signal";
import { ConnectionStatus } from "./ConnectionStatus";
import { ThemeChoice } from "./ThemeChoice";

const TONES: Readonly<Record<string, string>> = {
  Running: "good",
  Degraded: "bad",
  Failed: "bad",
};

export function Header() {
  const { pipeline, health } = useFeed();
  const state = useSignal(health)?.state ?? null;

  return (
    <header className="top">
      <div className="top-name">
        <Mark />
        <h1>{pipeline.name}</h1>
        <span className={`badge badge-${(state && TONES[state]) ?? "neutral"}`}>
          {state ?? "State unknown"}
        </span>
      </div>
      <div className="top-tools">
        <ConnectionStatus />
        <ThemeChoice />
      </div>
    </header>
  );
}

function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M2 17h7l3-9 6 17 4-11 2 3h6" />
    </svg>
  );
}
