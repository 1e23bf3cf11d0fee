import type { DeadLetter } from "../api/types";
import { formatBytes } from "./format";

export interface Payload {
  /** What to know about the text; empty when it is as it was. */
  note: string;
  text: string | null;
}

/** A dead letter's payload, as it was: what is wrong with it may be a space. */
export function payloadOf({ payload, encoding, truncatedFrom, lost }: DeadLetter): Payload {
  if (lost) return { note: "The payload is lost.", text: null };
  if (payload === null) return { note: "The record had no payload.", text: null };
  const notes = [
    encoding === "hex" ? "Not text: shown as hexadecimal." : "",
    truncatedFrom === null ? "" : `Cut; it had ${formatBytes(truncatedFrom)}.`,
  ];
  return { note: notes.filter(Boolean).join(" "), text: payload };
}
