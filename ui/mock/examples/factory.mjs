import { column, field, times, common, pad, oneOf, around, round, mean } from "./shared.mjs";

export const factory = {
  rate: 50,
  keys: 200,
  faults: 0.01,
  pipeline: {
    ...common,
    name: "factory",
    input: {
      topic: "sensor_events",
      partitions: 3,
      key: "device_id",
      eventTime: "ts",
      maxDelay: "2m",
      fields: [
        field("device_id", "string", { maxLength: 255 }),
        field("ts", "timestamp"),
        field("temperature_c", "double", { minimum: -60, maximum: 250 }),
        field("vibration_g", "double", { minimum: 0, maximum: 50 }),
        field("status", "string", { required: false }),
        field("site", "string", { required: false }),
        field("line", "string", { required: false }),
      ],
    },
    windows: [
      {
        name: "device_minutes",
        kind: "tumbling",
        size: "1m",
        groupBy: ["device_id"],
        keyed: true,
        columns: [
          ...times,
          column("device_id", "string", "group"),
          column("event_count", "long", "count"),
          column("avg_temperature_c", "double", "value"),
          column("max_vibration_g", "double", "value"),
        ],
      },
    ],
    rules: [{ name: "overheating", when: "temperature_c > 85.0 || vibration_g > 0.5", severity: "warning" }],
    table: "sensor_readings",
    topics: { alerts: "sensor_alerts", enriched: null, deadLetters: "sensor_events.dead-letter" },
    lake: "s3://rt-stream/curated",
  },
  reading: (key, time) => ({
    device_id: `MTR-${pad(key + 1, 5)}`,
    ts: time,
    temperature_c: round(around(72, 6), 1),
    vibration_g: Math.max(0, around(0.2, 0.1)),
    status: Math.random() < 0.97 ? "OK" : "WARN",
    site: "fab1",
    line: oneOf(["L01", "L02", "L03"]),
  }),
  rule: ({ temperature_c, vibration_g }) => (temperature_c > 85 || vibration_g > 0.5 ? "overheating" : null),
  aggregates: {
    device_minutes: {
      event_count: (readings) => readings.length,
      avg_temperature_c: (readings) => mean(readings, "temperature_c"),
      max_vibration_g: (readings) => Math.max(...readings.map(({ vibration_g }) => vibration_g)),
    },
  },
};
