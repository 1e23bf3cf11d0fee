import type { Problem } from "../api/types";
import { useFeed } from "../live/context";
import type { Section } from "../live/load";
import { useSignal } from "../live/signal";

/** How a section's last load went. While nothing is answered, that is said once, for the whole page. */
export function useSection(section: Section): "loading" | "loaded" | Problem {
  const feed = useFeed();
  const state = useSignal(feed.sections)[section] ?? "loading";
  const offline = useSignal(feed.connection).mode === "offline";
  return offline && typeof state === "object" ? "loading" : state;
}
