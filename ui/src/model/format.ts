import type { Column, Value } from "../api/types";
import { numberOf } from "./shape";

const NONE = "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const two = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const three = new Intl.NumberFormat("en", { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const small = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dated = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

const DAY = 86_400_000;

export function formatCount(count: number): string {
  return whole.format(count);
}

export function formatCompact(count: number): string {
  return compact.format(count);
}

/** As many decimals for numbers of like size, so that digits stay where they are while the value changes. */
export function formatNumber(value: number, type: Column["type"]): string {
  if (type === "integer" || type === "long") return whole.format(value);
  const size = Math.abs(value);
  if (size >= 1 || size === 0) return two.format(value);
  return size >= 0.0005 ? three.format(value) : small.format(value);
}

export function formatRate(rate: number): string {
  return rate < 10 && !Number.isInteger(rate) ? rate.toFixed(1) : whole.format(rate);
}

/** The time of day, in the reader's time zone; with the date when it is another day than `now`. */
export function formatTime(time: number, now: number): string {
  if (Number.isNaN(time)) return NONE;
  return Math.abs(now - time) < DAY / 2 ? clock.format(time) : dated.format(time);
}

export function formatValue(value: Value | undefined, type: Column["type"], now: number): string {
  if (value === null || value === undefined) return NONE;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (type === "timestamp") return formatTime(Date.parse(String(value)), now);
  if (type === "string") return String(value);
  const number = numberOf(value);
  // A decimal too long for a number is shown as it is written.
  if (number === null || (typeof value === "string" && value.replace(/\D/g, "").length > 15))
    return String(value);
  return formatNumber(number, type);
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1_048_576 ? `${two.format(bytes / 1024)} KiB` : `${two.format(bytes / 1_048_576)} MiB`;
}
