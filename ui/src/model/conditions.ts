import type { Condition, Health } from "../api/types";

/** These are only there when something is wrong; all others are wrong when they are not True. */
const WARNINGS: ReadonlySet<string> = new Set([
  "DataLoss",
  "SinkBlocked",
  "WeakClockGuard",
  "KeySpread",
  "TopicReplaced",
]);

export type Verdict = "good" | "bad" | "unknown" | "neutral";

export function conditionOf(health: Health, type: string): Condition | undefined {
  return health.conditions.find((condition) => condition.type === type);
}

export function verdictOf({ type, status }: Condition): Verdict {
  if (status === "Unknown") return "unknown";
  if (WARNINGS.has(type)) return status === "True" ? "bad" : "good";
  // To be stopped is what someone asked for, or is not the case.
  if (type === "Stopped") return "neutral";
  return status === "True" ? "good" : "bad";
}

/** What is wrong first; else as the operator wrote them. */
export function sortedConditions(conditions: readonly Condition[]): Condition[] {
  const rank: Record<Verdict, number> = { bad: 0, unknown: 1, neutral: 2, good: 2 };
  return [...conditions].sort((a, b) => rank[verdictOf(a)] - rank[verdictOf(b)]);
}
