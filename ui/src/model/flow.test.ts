import { describe, expect, it } from "vitest";
import type { Condition, Health } from "../api/types";
import { at, health, minutes, pipeline } from "../testing/fixtures";
import { flowOf } from "./flow";

function condition(type: string, status: Condition["status"], message = ""): Condition {
  return { type, status, reason: "Because", message, lastTransitionTime: at(-60) };
}

const ready = ["TopicsReady", "TablesReady", "ProducerReady", "ProcessorReady", "DataFlowing"].map((type) =>
  condition(type, "True"),
);

function fine(change: Partial<Health> = {}): Health {
  return health({ conditions: ready, ...change });
}

describe("flowOf", () => {
  it("knows nothing without health", () => {
    const { producer, topic, processor, sinks } = flowOf(pipeline(), null);
    expect([producer, topic, processor, ...sinks].every(({ status }) => status === "unknown")).toBe(true);
  });

  it("is healthy when all conditions are met", () => {
    const { producer, topic, processor, sinks } = flowOf(pipeline(), fine());
    expect([producer, topic, processor, ...sinks].map(({ status }) => status)).toEqual(
      Array(5).fill("healthy"),
    );
    expect(topic.facts).toEqual(["3 partitions", "lag 3"]);
    expect(processor.name).toBe("10 records/s");
    expect(processor.facts).toEqual(["watermark 5 s behind"]);
  });

  it("lists the sinks that the pipeline has", () => {
    const { sinks } = flowOf(
      pipeline({
        table: null,
        windows: [minutes],
        topics: { alerts: "alarms", enriched: "more", deadLetters: "dead" },
        lake: "s3://lake/x",
      }),
      fine(),
    );
    expect(sinks.map(({ name }) => name)).toEqual([
      "device_minutes",
      "alarms",
      "more",
      "s3://lake/x",
      "dead",
    ]);
  });

  it("tells which sink is blocked, for how long and why", () => {
    const blocked = [
      { sink: "readings", since: at(-90), error: "connection refused", partition: 0 },
      { sink: "readings", since: at(-30), error: "later", partition: 1 },
    ];
    const { sinks } = flowOf(pipeline(), fine({ blocked }));
    expect(sinks[0]).toMatchObject({ status: "blocked", why: "For 1 min 30 s: connection refused" });
    expect(sinks[1]?.status).toBe("healthy");
  });

  it("finds the lake by its own name among the blocked", () => {
    const blocked = [{ sink: "lake", since: at(-5), error: "no such bucket", partition: 0 }];
    const { sinks } = flowOf(pipeline({ lake: "s3://lake/x" }), fine({ blocked }));
    expect(sinks.find(({ kind }) => kind === "Lake")?.status).toBe("blocked");
  });

  it("waits for what is not ready yet, and is blocked when the pipeline has failed", () => {
    const conditions = [condition("ProcessorReady", "False", "starting")];
    expect(flowOf(pipeline(), health({ conditions })).processor).toMatchObject({
      status: "waiting",
      why: "starting",
    });
    expect(flowOf(pipeline(), health({ conditions, state: "Failed" })).processor.status).toBe("blocked");
  });

  it("says when Kafka can't be reached", () => {
    expect(flowOf(pipeline(), fine({ kafka: { reachable: false }, lag: null })).topic).toMatchObject({
      status: "blocked",
      facts: ["3 partitions", "lag unknown"],
    });
  });

  it("does not blame others' producers for silence", () => {
    const conditions = [condition("DataFlowing", "False", "nothing came")];
    const own = pipeline({ simulated: false });
    expect(flowOf(own, health({ conditions, state: "Degraded" })).producer).toMatchObject({
      name: "Your producers",
      status: "waiting",
    });
  });
});
