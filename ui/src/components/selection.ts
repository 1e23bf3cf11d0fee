import { useCallback, useEffect, useState } from "react";
import { useDashboard, useFeed } from "../live/context";
import { useSignal } from "../live/signal";
import { hashOf, keyInHash } from "../model/hash";

/** The selected key (null: all): kept in the address, and what the feed shows. */
export function useSelection(): [selected: string | null, select: (key: string | null) => void] {
  const feed = useFeed();
  const points = useSignal(useDashboard().preferences.points);
  const [selected, setSelected] = useState(() => keyInHash(location.hash));

  useEffect(() => {
    const follow = (): void => setSelected(keyInHash(location.hash));
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);

  useEffect(() => feed.show(selected, points), [feed, selected, points]);

  const select = useCallback((key: string | null) => {
    history.pushState(null, "", hashOf(key) || location.pathname + location.search);
    setSelected(key);
  }, []);
  return [selected, select];
}
