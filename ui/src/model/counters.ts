import type { Health } from "../api/types";

export interface Counter {
  name: string;
  count: number;
  /** The count by reason, where the API tells. */
  reasons: readonly (readonly [reason: string, count: number])[];
  /** Whether any at all is bad news. */
  grave: boolean;
}

/** read = accepted + dead-lettered + dropped; and what is lost. */
export function countersOf({ records }: Health): Counter[] {
  return [
    { name: "Read", count: records.read, reasons: [], grave: false },
    { name: "Accepted", count: records.accepted, reasons: [], grave: false },
    byReason("Dead-lettered", records.deadLettered),
    byReason("Dropped", records.dropped),
    { name: "Lost", count: records.lost, reasons: [], grave: true },
  ];
}

function byReason(name: string, counts: Readonly<Record<string, number>>): Counter {
  const reasons = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return { name, count: reasons.reduce((sum, [, count]) => sum + count, 0), reasons, grave: false };
}
