import { useEffect, useRef, useState } from "react";
import type { Alert } from "../../api/types";
import { announcementOf } from "../../model/announcement";

/** Not to talk without end. */
export const ANNOUNCE_EVERY = 10_000;

interface AnnouncerProps {
  alerts: readonly Alert[];
  /** Alerts from before this is true are not news. */
  ready: boolean;
}

/** Tells screen readers of new alerts, when they have nothing else to say, and together if they are many. */
export function Announcer({ alerts, ready }: AnnouncerProps) {
  const [text, setText] = useState("");
  const newest = useRef(alerts);
  const told = useRef<ReadonlySet<string>>(null);

  useEffect(() => {
    newest.current = alerts;
  }, [alerts]);

  useEffect(() => {
    if (!ready) return;
    told.current ??= new Set(newest.current.map(({ id }) => id));
    const timer = setInterval(() => {
      const fresh = newest.current.filter(({ id }) => !told.current?.has(id));
      if (fresh.length === 0) return;
      told.current = new Set(newest.current.map(({ id }) => id));
      setText(announcementOf(fresh));
    }, ANNOUNCE_EVERY);
    return () => clearInterval(timer);
  }, [ready]);

  return (
    <p className="hidden" role="status" aria-live="polite">
      {text}
    </p>
  );
}
