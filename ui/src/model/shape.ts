import type { Column, Field, Pipeline, Reading, Value, WindowSpec } from "../api/types";
import { nounOf } from "./names";

/** The parts of a reading that the page looks for, by field. */
export interface Shape {
  key: string;
  /** What a key stands for: a device, a patient. */
  noun: string;
  /** Whether keys are plain numbers, which say little by themselves. */
  numberedKeys: boolean;
  time: string;
  /** Fields that can be drawn. */
  numeric: readonly Field[];
  /** All fields but key and time. */
  values: readonly Field[];
}

const NUMERIC: ReadonlySet<string> = new Set(["double", "integer", "long", "decimal"]);

export function shapeOf({ input }: Pipeline): Shape {
  const values = input.fields.filter(({ name }) => name !== input.key && name !== input.eventTime);
  const key = input.fields.find(({ name }) => name === input.key);
  return {
    key: input.key,
    noun: nounOf(input.key),
    numberedKeys: key !== undefined && NUMERIC.has(key.type),
    time: input.eventTime,
    values,
    numeric: values.filter(({ type }) => NUMERIC.has(type)),
  };
}

export function keyOf(shape: Shape, reading: Reading): string {
  return String(reading[shape.key]);
}

/** A key as one says it: "MTR-00012", but "patient 12". */
export function keyLabel({ noun, numberedKeys }: Shape, key: string): string {
  return numberedKeys ? `${noun} ${key}` : key;
}

/** Milliseconds since 1970, of the event. */
export function timeOf(shape: Shape, reading: Reading): number {
  return parseTime(reading[shape.time]);
}

export function parseTime(value: Value | undefined): number {
  return typeof value === "string" ? Date.parse(value) : NaN;
}

/** A number or a decimal in a string; null for anything else. */
export function numberOf(value: Value | undefined): number | null {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || value.trim() === "") return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

export function isNumeric(type: Column["type"]): boolean {
  return NUMERIC.has(type);
}

/** Whether the rows of a window can be asked for by the input's key. */
export function hasKey(window: WindowSpec, shape: Shape): boolean {
  return window.groupBy.includes(shape.key);
}
