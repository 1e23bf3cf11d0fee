// Makes up readings, alerts and dead letters as time goes by, and keeps what the API tells of them.

import { conditions } from "./conditions.mjs";

const KEPT_READINGS = 60_000;
const KEPT_ENTRIES = 1000;
const TICK = 200;

export const stamp = (ms) => new Date(ms).toISOString().replace("Z", "000Z");

export class Simulation {
  constructor(example, { keys, rate, past, blocked }) {
    Object.assign(this, { example, keys, rate, blocked });
    this.startedAt = Date.now() - past * 1000;
    // Each with the number of its commit, for those who resume.
    this.readings = [];
    this.alerts = [];
    this.deadLetters = [];
    this.latest = new Map();
    this.sequence = 0;
    this.made = 0;
    this.counts = { malformed: 0, late: 0 };
    this.listeners = new Set();
    this.advance(Date.now());
  }

  start() {
    setInterval(() => this.advance(Date.now()), TICK);
  }

  advance(now) {
    const due = Math.floor(((now - this.startedAt) / 1000) * this.rate);
    for (; this.made < due; this.made++) {
      const time = this.startedAt + (this.made / this.rate) * 1000;
      this.make(this.made % this.keys, time);
    }
    trim(this.readings, KEPT_READINGS);
    trim(this.alerts, KEPT_ENTRIES);
    trim(this.deadLetters, KEPT_ENTRIES);
    for (const listener of this.listeners) listener();
  }

  make(key, time) {
    if (Math.random() < this.example.faults) return this.bury(key, time);
    const { input } = this.example.pipeline;
    const value = this.example.reading(key, stamp(time));
    this.readings.push({ sequence: ++this.sequence, time, value });
    this.latest.set(String(value[input.key]), value);
    const rule = this.example.rule?.(value);
    if (rule) this.alarm(rule, value, time);
  }

  alarm(name, reading, time) {
    const { input, rules } = this.example.pipeline;
    const rule = rules.find((candidate) => candidate.name === name);
    const alert = {
      rule: name,
      severity: rule.severity,
      event_time: stamp(time),
      key: reading[input.key],
      reading,
      source: { topic: input.topic, partition: 0, offset: this.made },
    };
    const value = { id: `a-${this.sequence}`, at: stamp(time), alert };
    this.alerts.push({ sequence: ++this.sequence, value });
  }

  bury(key, time) {
    const { input } = this.example.pipeline;
    const reading = this.example.reading(key, stamp(time));
    const source = { topic: input.topic, partition: key % input.partitions, offset: this.made };
    const common = {
      at: stamp(time),
      source,
      key: String(reading[input.key]),
      truncatedFrom: null,
      lost: false,
    };
    const kinds = [
      {
        reason: "not_json",
        detail: "expected value at line 1 column 9",
        payload: '{"value": oops',
        encoding: "text",
      },
      {
        reason: "wrong_type",
        detail: `${input.eventTime}: a string is wanted`,
        payload: JSON.stringify({ ...reading, [input.eventTime]: 17 }),
        encoding: "text",
      },
      {
        reason: "not_json",
        detail: "not UTF-8",
        payload: Buffer.from([0xff, 0xfe, 0x00, 0x9c]).toString("hex"),
        encoding: "hex",
      },
      {
        reason: "too_large",
        detail: "longer than 1 MiB",
        payload: `{"padding": "${"x".repeat(400)}`,
        encoding: "text",
        truncatedFrom: 1_310_720,
      },
      { reason: "too_large", detail: "no longer in the topic", payload: null, encoding: "text", lost: true },
    ];
    this.counts.malformed++;
    const kind = kinds[this.counts.malformed % kinds.length];
    const value = { ...common, ...kind, id: `d-${this.sequence}` };
    this.deadLetters.push({ sequence: ++this.sequence, value });
  }

  health() {
    const { pipeline } = this.example;
    const now = Date.now();
    const newest = this.readings.at(-1)?.time ?? null;
    const delay = { "0s": 0, "2m": 120_000 }[pipeline.input.maxDelay];
    const watermark = newest === null ? null : stamp(newest - delay);
    const dead = this.counts.malformed;
    const flowing = this.readings.length > 0;
    const blocked = this.blocked
      ? [
          {
            sink: pipeline.table ?? pipeline.topics.deadLetters,
            since: stamp(this.startedAt + 30_000),
            error: "connection refused: the database does not answer",
            partition: 0,
          },
        ]
      : [];
    return {
      observedAt: stamp(now),
      state: flowing ? "Running" : "Pending",
      conditions: conditions(this.startedAt, flowing, this.blocked),
      conditionsAt: stamp(this.startedAt),
      rate: flowing ? this.rate : null,
      lag: Math.round(this.rate * (this.blocked ? 240 : 0.2)),
      watermark,
      lastCommit: newest === null ? null : stamp(newest),
      records: {
        read: this.made,
        accepted: this.made - dead,
        deadLettered: dead > 0 ? { not_json: dead } : {},
        dropped: {},
        lost: 0,
      },
      partitions: Array.from({ length: pipeline.input.partitions }, (_, partition) => ({
        partition,
        owner: `${pipeline.name}-processor-0`,
        nextOffset: Math.floor(this.made / pipeline.input.partitions),
        endOffset: Math.floor(this.made / pipeline.input.partitions) + 1,
        lag: 1,
        watermark,
        lastCommit: newest === null ? null : stamp(newest),
      })),
      blocked,
      kafka: { reachable: true },
    };
  }
}

function trim(entries, most) {
  if (entries.length > most) entries.splice(0, entries.length - most);
}
