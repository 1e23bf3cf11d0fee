// What the examples have in common: their shapes as GET /pipeline tells them, and ways to make up values.

export const column = (name, type, holds) => ({ name, type, holds });
export const field = (name, type, more = {}) => ({ name, type, required: true, ...more });
export const times = [column("window_start", "timestamp", "start"), column("window_end", "timestamp", "end")];

export const common = {
  namespace: "default",
  version: "0.1.0",
  simulated: true,
  limits: { pageSize: 10_000 },
};
export const pad = (number, width) => String(number).padStart(width, "0");
export const between = (least, greatest) => least + Math.random() * (greatest - least);
export const oneOf = (values) => values[Math.floor(Math.random() * values.length)];
export const around = (mean, spread) =>
  mean + (Math.random() + Math.random() + Math.random() - 1.5) * 2 * spread;
export const round = (value, decimals) => Number(value.toFixed(decimals));

export function mean(readings, name) {
  return readings.reduce((sum, reading) => sum + reading[name], 0) / readings.length;
}
