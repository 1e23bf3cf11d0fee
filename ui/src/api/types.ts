import type { components } from "./schema";

type Schemas = components["schemas"];

export type Pipeline = Schemas["Pipeline"];
export type Field = Schemas["Field"];
export type WindowSpec = Schemas["Window"];
export type Column = Schemas["Column"];
export type Health = Schemas["Health"];
export type Condition = Schemas["Condition"];
export type DeadLetter = Schemas["DeadLetter"];
export type Problem = Schemas["Problem"];

export type Value = string | number | boolean | null;

/** One member a field. The API describes each pipeline's own fields; the page works for any. */
export type Reading = Readonly<Record<string, Value>>;

/** One member a column of a window's table. */
export type Row = Readonly<Record<string, Value>>;

export type Severity = "info" | "warning" | "critical";

type AlertBody = Schemas["Alert"]["alert"];

/** As the schema has it, but of any pipeline's readings. */
export type Alert = Omit<Schemas["Alert"], "alert"> & {
  alert: Omit<AlertBody, "key" | "reading" | "severity"> & {
    key: Value;
    reading: Reading;
    severity: Severity;
  };
};
