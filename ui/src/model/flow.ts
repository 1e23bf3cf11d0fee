import type { Health, Pipeline } from "../api/types";
import { formatDuration } from "./age";
import { conditionOf, verdictOf } from "./conditions";
import { formatCount, formatRate } from "./format";
import { plural } from "./names";

export type Status = "healthy" | "waiting" | "blocked" | "unknown";

export interface Stage {
  id: string;
  /** What kind of thing it is, in a word or two. */
  kind: string;
  name: string;
  facts: readonly string[];
  status: Status;
  /** Why it is so, when it is not healthy. */
  why: string;
}

export interface Flow {
  producer: Stage;
  topic: Stage;
  processor: Stage;
  sinks: readonly Stage[];
}

type Judgement = Pick<Stage, "status" | "why">;

const HEALTHY: Judgement = { status: "healthy", why: "" };
const UNKNOWN: Judgement = { status: "unknown", why: "Not known yet" };

/** The pipeline from end to end, and how each part is. */
export function flowOf(pipeline: Pipeline, health: Health | null): Flow {
  return {
    producer: producerOf(pipeline, health),
    topic: topicOf(pipeline, health),
    processor: processorOf(health),
    sinks: sinksOf(pipeline, health),
  };
}

function producerOf({ simulated }: Pipeline, health: Health | null): Stage {
  const stage = simulated
    ? { id: "producer", kind: "Producer", name: "Simulator", facts: ["makes up readings"] }
    : { id: "producer", kind: "Producers", name: "Your producers", facts: ["write to the topic"] };
  const judgement = judge(health, simulated ? "ProducerReady" : "DataFlowing");
  // Others' producers that send nothing may well be as they should.
  return { ...stage, ...(simulated ? judgement : idleAtWorst(judgement)) };
}

function idleAtWorst(judgement: Judgement): Judgement {
  return judgement.status === "blocked" ? { ...judgement, status: "waiting" } : judgement;
}

function topicOf({ input }: Pipeline, health: Health | null): Stage {
  const lag = health?.lag;
  return {
    id: "topic",
    kind: "Input topic",
    name: input.topic,
    facts: [
      `${formatCount(input.partitions)} ${plural("partition", input.partitions)}`,
      lag === null || lag === undefined ? "lag unknown" : `lag ${formatCount(lag)}`,
    ],
    ...(health && !health.kafka.reachable
      ? { status: "blocked" as const, why: "Kafka can't be reached" }
      : judge(health, "TopicsReady")),
  };
}

function processorOf(health: Health | null): Stage {
  const rate = health?.rate ?? null;
  return {
    id: "processor",
    kind: "Processor",
    name: rate === null ? "Rate unknown" : `${formatRate(rate)} ${plural("record", rate)}/s`,
    facts: [watermarkFact(health)],
    ...judge(health, "ProcessorReady"),
  };
}

function watermarkFact(health: Health | null): string {
  if (!health?.watermark) return "no watermark yet";
  return `watermark ${formatDuration(Date.parse(health.observedAt) - Date.parse(health.watermark))} behind`;
}

function sinksOf(pipeline: Pipeline, health: Health | null): Stage[] {
  const { table, windows, topics, lake } = pipeline;
  const sink = (kind: string, name: string, condition: string, fact: string, blockedAs = name): Stage => ({
    id: `${kind} ${name}`,
    kind,
    name,
    facts: [fact],
    ...(blockOf(blockedAs, health) ?? judge(health, condition)),
  });
  return [
    ...(table === null ? [] : [sink("Table", table, "TablesReady", "every reading")]),
    ...windows.map((window) => sink("Window", window.name, "TablesReady", spanOf(window))),
    ...(topics.alerts === null
      ? []
      : [
          sink(
            "Alerts topic",
            topics.alerts,
            "TopicsReady",
            `${pipeline.rules.length} ${plural("rule", pipeline.rules.length)}`,
          ),
        ]),
    ...(topics.enriched === null
      ? []
      : [sink("Enriched topic", topics.enriched, "TopicsReady", "with processing time")]),
    ...(lake === null ? [] : [sink("Lake", lake, "ProcessorReady", "Parquet files", "lake")]),
    sink("Dead letter topic", topics.deadLetters, "TopicsReady", "what can't be used"),
  ];
}

export function spanOf({ kind, size, slide, gap }: Pipeline["windows"][number]): string {
  if (kind === "session") return `sessions, gap ${gap ?? "?"}`;
  return kind === "sliding" ? `${size ?? "?"}, every ${slide ?? "?"}` : `every ${size ?? "?"}`;
}

function blockOf(name: string, health: Health | null): Judgement | null {
  if (!health) return null;
  const blocks = health.blocked.filter(({ sink }) => sink === name);
  const [first] = blocks.sort((a, b) => Date.parse(a.since) - Date.parse(b.since));
  if (!first) return null;
  return {
    status: "blocked",
    why: `For ${formatDuration(Date.parse(health.observedAt) - Date.parse(first.since))}: ${first.error}`,
  };
}

function judge(health: Health | null, type: string): Judgement {
  if (!health) return UNKNOWN;
  const condition = conditionOf(health, type);
  if (!condition)
    return health.conditionsAt === null ? { status: "unknown", why: "The operator has not said" } : UNKNOWN;
  const why = condition.message || condition.reason;
  switch (verdictOf(condition)) {
    case "good":
      return HEALTHY;
    case "unknown":
      return { status: "unknown", why };
    default:
      // Not ready while it starts, or because someone stopped it, is not a failure.
      return {
        status: health.state === "Failed" || health.state === "Degraded" ? "blocked" : "waiting",
        why,
      };
  }
}
