import { field, common, pad, between } from "./shared.mjs";

let temperature = 24;

export const environment = {
  rate: 1,
  keys: 1,
  faults: 0.01,
  pipeline: {
    ...common,
    name: "environment",
    input: {
      topic: "sensor-data",
      partitions: 1,
      key: "sensor_id",
      eventTime: "timestamp",
      maxDelay: "0s",
      fields: [
        field("sensor_id", "string", { maxLength: 255 }),
        field("timestamp", "timestamp"),
        field("temperature", "double", { minimum: -60, maximum: 250 }),
        field("humidity", "double", { minimum: 0, maximum: 100 }),
      ],
    },
    windows: [],
    rules: [],
    table: "sensor_data",
    topics: { alerts: null, enriched: null, deadLetters: "sensor-data.dead-letter" },
    lake: null,
  },
  reading: (key, time) => {
    temperature = Math.min(30, Math.max(20, temperature + between(-0.4, 0.4)));
    return {
      sensor_id: `sensor-${pad(key + 1, 3)}`,
      timestamp: time,
      temperature,
      humidity: between(40, 60),
    };
  },
};
