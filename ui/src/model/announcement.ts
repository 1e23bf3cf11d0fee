import type { Alert } from "../api/types";
import { plural } from "./names";

/** New alerts in a sentence, for who hears the page. */
export function announcementOf(fresh: readonly Alert[]): string {
  const [newest] = fresh;
  if (!newest) return "";
  const { rule, severity, key } = newest.alert;
  const one = `${severity}, ${rule}, ${String(key)}`;
  return fresh.length === 1
    ? `New alert: ${one}.`
    : `${fresh.length} new ${plural("alert", fresh.length)}, the newest: ${one}.`;
}
