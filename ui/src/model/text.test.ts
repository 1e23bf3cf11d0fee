import { describe, expect, it } from "vitest";
import { alert, deadLetter, NOON, shape } from "../testing/fixtures";
import { announcementOf } from "./announcement";
import { formatNumber, formatValue } from "./format";
import { hashOf, keyInHash } from "./hash";
import { record } from "./journal";
import { labelOf, nounOf, plural, titleOf, titleWithin } from "./names";
import { payloadOf } from "./payload";
import { clockOffset } from "./serverClock";
import { keyLabel } from "./shape";

describe("names", () => {
  it.each([
    ["temperature", "Temperature", ""],
    ["vibration_g", "Vibration", "g"],
    ["avg_temperature_c", "Avg temperature", "°C"],
    ["heartRate", "Heart rate", ""],
    ["page_url", "Page URL", ""],
    ["g", "G", ""],
  ])("reads %s as %s", (field, name, unit) => expect(labelOf(field)).toEqual({ name, unit }));

  it("writes titles with units, and within sentences", () => {
    expect(titleOf("vibration_g")).toBe("Vibration (g)");
    expect(titleWithin("temperature_c")).toBe("temperature (°C)");
    expect(titleWithin("id_count")).toBe("ID count");
  });

  it("finds what a key stands for", () => {
    expect(nounOf("device_id")).toBe("device");
    expect(nounOf("id")).toBe("key");
    expect(nounOf("motor")).toBe("motor");
    expect([plural("device", 1), plural("device", 2), plural("battery", 2), plural("box", 0)]).toEqual([
      "device",
      "devices",
      "batteries",
      "boxes",
    ]);
  });

  it("says what a number stands for, where keys are numbers", () => {
    expect(keyLabel(shape, "MTR-1")).toBe("MTR-1");
    expect(keyLabel({ ...shape, noun: "patient", numberedKeys: true }, "12")).toBe("patient 12");
  });
});

describe("format", () => {
  it("keeps digits where they are", () => {
    expect(formatNumber(23.4, "double")).toBe("23.40");
    expect(formatNumber(0.0831, "double")).toBe("0.083");
    expect(formatNumber(0.00012, "double")).toBe("0.00012");
    expect(formatNumber(1234567, "long")).toBe("1,234,567");
  });

  it("shows any value", () => {
    expect(formatValue(null, "double", NOON)).toBe("–");
    expect(formatValue(true, "boolean", NOON)).toBe("yes");
    expect(formatValue("2026-03-01T12:00:05.123456Z", "timestamp", NOON)).toBe("12:00:05");
    expect(formatValue("2026-02-01T12:00:05Z", "timestamp", NOON)).toContain("1 Feb");
    expect(formatValue("12345678901234567.89", "decimal", NOON)).toBe("12345678901234567.89");
    expect(formatValue("42", "string", NOON)).toBe("42");
  });
});

describe("hash", () => {
  it("goes there and back", () => {
    for (const key of ["MTR-00012", "a b&c=d#e", "ü/é"]) expect(keyInHash(hashOf(key))).toBe(key);
    expect(keyInHash(hashOf(null))).toBeNull();
    expect(keyInHash("#main")).toBeNull();
  });
});

describe("record", () => {
  it("has each entry once, newest first", () => {
    const entries = record([alert("b", 2), alert("a", 1)], [alert("b", 2), alert("c", 3), alert("c", 3)]);
    expect(entries.map(({ id }) => id)).toEqual(["c", "b", "a"]);
  });

  it("does not change when nothing is new", () => {
    const entries = [alert("a", 1)];
    expect(record(entries, [alert("a", 1)])).toBe(entries);
  });
});

describe("payloadOf", () => {
  it("tells what is wrong with it", () => {
    expect(payloadOf(deadLetter("a"))).toEqual({ note: "", text: '{"temperature": "warm"}' });
    expect(payloadOf(deadLetter("a", { encoding: "hex", payload: "fffe00" })).note).toContain("hexadecimal");
    expect(payloadOf(deadLetter("a", { truncatedFrom: 2_097_152 })).note).toBe("Cut; it had 2.00 MiB.");
    expect(payloadOf(deadLetter("a", { lost: true, payload: null }))).toEqual({
      note: "The payload is lost.",
      text: null,
    });
    expect(payloadOf(deadLetter("a", { payload: null })).note).toBe("The record had no payload.");
  });
});

describe("announcementOf", () => {
  it("is one sentence, of one or many", () => {
    expect(announcementOf([alert("a", 1, "m1")])).toBe("New alert: warning, overheating, m1.");
    expect(announcementOf([alert("b", 2, "m2"), alert("a", 1)])).toBe(
      "2 new alerts, the newest: warning, overheating, m2.",
    );
  });
});

describe("clockOffset", () => {
  it("is only what the way here can't explain", () => {
    expect(clockOffset("2026-03-01T12:00:01Z", NOON)).toBe(0);
    expect(clockOffset("2026-03-01T12:01:00Z", NOON)).toBe(60_000);
  });
});
