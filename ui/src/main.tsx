import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "uplot/dist/uPlot.min.css";
import "./styles/index.css";
import { createClient } from "./api/client";
import { createOpenEvents } from "./api/events";
import { App } from "./App";
import { createAppearance } from "./live/appearance";
import { Dashboard } from "./live/dashboard";
import { createSchedule } from "./live/frames";
import { createPreferences, storageOrNone } from "./live/preferences";
import { keyInHash } from "./model/hash";

const root = document.getElementById("root");
if (!root) throw new Error("the page has no root element");

const preferences = createPreferences(
  storageOrNone(() => localStorage),
  storageOrNone(() => sessionStorage),
);
const access = {
  base: document.baseURI,
  token: preferences.token.get,
  fetch: window.fetch.bind(window),
};
const dashboard = new Dashboard({
  client: createClient(access),
  openEvents: createOpenEvents(access),
  schedule: createSchedule(() => performance.now()),
  now: () => Date.now(),
  preferences,
  appearance: createAppearance(
    preferences.theme,
    matchMedia("(prefers-color-scheme: dark)"),
    document.documentElement,
  ),
  selected: () => keyInHash(location.hash),
});

document.addEventListener("visibilitychange", () => dashboard.setVisible(!document.hidden));
dashboard.setVisible(!document.hidden);
dashboard.start();

createRoot(root).render(
  <StrictMode>
    <App dashboard={dashboard} />
  </StrictMode>,
);
