import { column, field, times, common, pad, oneOf } from "./shared.mjs";

export const clickstream = {
  rate: 10,
  keys: 20,
  faults: 0.01,
  pipeline: {
    ...common,
    name: "clickstream",
    input: {
      topic: "user_activity",
      partitions: 3,
      key: "user_id",
      eventTime: "event_time",
      maxDelay: "2m",
      fields: [
        field("event_time", "timestamp"),
        field("user_id", "string", { maxLength: 50 }),
        field("page_url", "string", { maxLength: 255 }),
        field("event_type", "string", { maxLength: 50 }),
      ],
    },
    windows: [
      {
        name: "page_view_counts",
        kind: "tumbling",
        size: "1m",
        where: 'event_type == "page_view"',
        groupBy: ["page_url"],
        keyed: false,
        columns: [...times, column("page_url", "string", "group"), column("view_count", "long", "count")],
      },
      {
        name: "active_users",
        kind: "sliding",
        size: "5m",
        slide: "1m",
        groupBy: [],
        keyed: false,
        columns: [...times, column("active_users_count", "long", "value")],
      },
      {
        name: "user_sessions",
        kind: "session",
        gap: "5m",
        groupBy: ["user_id"],
        keyed: true,
        columns: [
          column("user_id", "string", "group"),
          column("session_start_time", "timestamp", "start"),
          column("session_end_time", "timestamp", "end"),
          column("session_duration_seconds", "long", "duration"),
        ],
      },
    ],
    rules: [],
    table: null,
    topics: { alerts: null, enriched: "enriched_activity", deadLetters: "user_activity.dead-letter" },
    lake: "s3://lake/clickstream",
  },
  reading: (key, time) => ({
    event_time: time,
    // Some are there all the time, the others come by.
    user_id: `user-${pad(key > 12 && Math.random() < 0.99 ? (key % 12) + 1 : key + 1, 3)}`,
    page_url: oneOf(["/", "/", "/", "/products", "/products", "/products/42", "/cart", "/checkout"]),
    event_type: oneOf(["page_view", "page_view", "page_view", "page_view", "click", "purchase"]),
  }),
  where: { page_view_counts: ({ event_type }) => event_type === "page_view" },
  aggregates: {
    page_view_counts: { view_count: (readings) => readings.length },
    active_users: {
      active_users_count: (readings) => new Set(readings.map(({ user_id }) => user_id)).size,
    },
  },
};
