import { column, field, times, common, oneOf, around, mean } from "./shared.mjs";

export const heartbeat = {
  rate: 10,
  keys: 50,
  faults: 0.01,
  pipeline: {
    ...common,
    name: "heartbeat",
    input: {
      topic: "heartbeats",
      partitions: 3,
      key: "patient_id",
      eventTime: "timestamp",
      maxDelay: "0s",
      fields: [
        field("patient_id", "integer", { minimum: 0 }),
        field("timestamp", "timestamp"),
        field("heart_rate", "integer", { minimum: 0, maximum: 400 }),
        field("status", "string", { required: false }),
      ],
    },
    windows: [
      {
        name: "patient_minutes",
        kind: "tumbling",
        size: "1m",
        groupBy: ["patient_id"],
        keyed: true,
        columns: [
          ...times,
          column("patient_id", "integer", "group"),
          column("readings", "long", "count"),
          column("avg_heart_rate", "double", "value"),
          column("min_heart_rate", "integer", "value"),
          column("max_heart_rate", "integer", "value"),
        ],
      },
    ],
    rules: [
      { name: "tachycardia", when: "heart_rate > 120", severity: "critical" },
      { name: "bradycardia", when: "heart_rate < 45", severity: "critical" },
    ],
    table: "heartbeats",
    topics: { alerts: "heartbeat_alerts", enriched: null, deadLetters: "heartbeats.dead-letter" },
    lake: null,
  },
  reading: (key, time) => ({
    patient_id: key,
    timestamp: time,
    heart_rate: Math.round(around(80, 17)),
    status: Math.random() < 0.97 ? "OK" : oneOf(["WEAK_SIGNAL", "LOW_BATTERY"]),
  }),
  rule: ({ heart_rate }) => {
    if (heart_rate > 120) return "tachycardia";
    return heart_rate < 45 ? "bradycardia" : null;
  },
  aggregates: {
    patient_minutes: {
      readings: (readings) => readings.length,
      avg_heart_rate: (readings) => mean(readings, "heart_rate"),
      min_heart_rate: (readings) => Math.min(...readings.map(({ heart_rate }) => heart_rate)),
      max_heart_rate: (readings) => Math.max(...readings.map(({ heart_rate }) => heart_rate)),
    },
  },
};
