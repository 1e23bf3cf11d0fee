import { useState, type KeyboardEvent } from "react";
import { useFeed } from "../../live/context";
import { spanOf } from "../../model/flow";
import { plural, titleOf } from "../../model/names";
import { hasKey, keyLabel } from "../../model/shape";
import { WindowPanel } from "./WindowPanel";

/** The tables of windows, one at a time. */
export function WindowsSection({ selected }: { selected: string | null }) {
  const { pipeline, shape } = useFeed();
  const { windows } = pipeline;
  const [chosen, setChosen] = useState(0);
  const window = windows[chosen] ?? windows[0];
  if (!window) return null;
  const key = hasKey(window, shape) ? selected : null;

  function press(event: KeyboardEvent<HTMLElement>): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = (chosen + step + windows.length) % windows.length;
    setChosen(next);
    event.currentTarget.querySelectorAll("button")[next]?.focus();
  }

  return (
    <section aria-labelledby="windows">
      <div className="section-head">
        <h2 id="windows">Windows</h2>
        {windows.length > 1 && (
          <div role="tablist" tabIndex={-1} aria-labelledby="windows" className="tabs" onKeyDown={press}>
            {windows.map(({ name }, at) => (
              <button
                key={name}
                type="button"
                role="tab"
                id={`tab-${name}`}
                aria-selected={at === chosen}
                aria-controls="window-panel"
                tabIndex={at === chosen ? 0 : -1}
                className="tab"
                onClick={() => setChosen(at)}
              >
                {titleOf(name)}
              </button>
            ))}
          </div>
        )}
      </div>
      <div
        id="window-panel"
        {...(windows.length > 1 && { role: "tabpanel", "aria-labelledby": `tab-${window.name}` })}
      >
        <p className="hint">
          <code>{window.name}</code>, {window.kind !== "session" && `${window.kind}, `}
          {spanOf(window)}
          {window.groupBy.length > 0 && `, by ${window.groupBy.join(", ")}`}
          {window.where && (
            <>
              , where <code>{window.where}</code>
            </>
          )}
          {selected !== null &&
            (key === null ? `, of all ${plural(shape.noun, 2)}` : `, of ${keyLabel(shape, key)}`)}
        </p>
        <WindowPanel key={`${window.name} ${key ?? ""}`} window={window} selected={key} />
      </div>
    </section>
  );
}
