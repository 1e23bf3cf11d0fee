import type { Alert, DeadLetter, Health, Pipeline, Reading, WindowSpec } from "../api/types";
import { shapeOf } from "../model/shape";

export const NOON = Date.parse("2026-03-01T12:00:00Z");

export function at(seconds: number): string {
  return new Date(NOON + seconds * 1000).toISOString();
}

export const minutes: WindowSpec = {
  name: "device_minutes",
  kind: "tumbling",
  size: "1m",
  groupBy: ["device"],
  keyed: true,
  columns: [
    { name: "window_start", type: "timestamp", holds: "start" },
    { name: "window_end", type: "timestamp", holds: "end" },
    { name: "device", type: "string", holds: "group" },
    { name: "readings", type: "long", holds: "count" },
    { name: "avg_temperature", type: "double", holds: "value" },
  ],
};

export function pipeline(change: Partial<Pipeline> = {}): Pipeline {
  return {
    name: "test",
    namespace: "default",
    version: "1.2.3",
    simulated: true,
    input: {
      topic: "readings",
      partitions: 3,
      key: "device",
      eventTime: "time",
      maxDelay: "0s",
      fields: [
        { name: "device", type: "string", required: true },
        { name: "time", type: "timestamp", required: true },
        { name: "temperature", type: "double", required: true },
        { name: "humidity", type: "double", required: true },
      ],
    },
    windows: [],
    rules: [],
    table: "readings",
    topics: { alerts: null, enriched: null, deadLetters: "readings.dead-letter" },
    lake: null,
    limits: { pageSize: 10_000 },
    ...change,
  };
}

export const shape = shapeOf(pipeline());

export function reading(device: string, seconds: number, temperature = 20, humidity = 50): Reading {
  return { device, time: at(seconds), temperature, humidity };
}

export function health(change: Partial<Health> = {}): Health {
  return {
    observedAt: at(0),
    state: "Running",
    conditions: [],
    conditionsAt: at(-60),
    rate: 10,
    lag: 3,
    watermark: at(-5),
    lastCommit: at(0),
    records: { read: 100, accepted: 97, deadLettered: { Malformed: 2 }, dropped: { Late: 1 }, lost: 0 },
    partitions: [],
    blocked: [],
    kafka: { reachable: true },
    ...change,
  };
}

export function alert(id: string, seconds: number, device = "a"): Alert {
  return {
    id,
    at: at(seconds),
    alert: {
      rule: "overheating",
      severity: "warning",
      event_time: at(seconds),
      key: device,
      reading: reading(device, seconds, 90),
      source: { topic: "readings", partition: 0, offset: seconds },
    },
  };
}

export function deadLetter(id: string, change: Partial<DeadLetter> = {}): DeadLetter {
  return {
    id,
    at: at(0),
    reason: "Malformed",
    detail: "temperature: a number is wanted",
    source: { topic: "readings", partition: 1, offset: 42 },
    key: "a",
    payload: '{"temperature": "warm"}',
    encoding: "text",
    truncatedFrom: null,
    lost: false,
    ...change,
  };
}
