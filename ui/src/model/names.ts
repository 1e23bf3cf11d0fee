const ABBREVIATIONS: ReadonlySet<string> = new Set(["id", "url", "uri", "ip", "api", "rpm", "co2", "ph"]);

/** Endings of field names that are units by custom. Endings that could be a word's rest are left out. */
const UNITS: Readonly<Record<string, string>> = {
  c: "°C",
  f: "°F",
  g: "g",
  pct: "%",
  percent: "%",
  seconds: "s",
  ms: "ms",
  hz: "Hz",
  hpa: "hPa",
  kpa: "kPa",
  v: "V",
  w: "W",
  kw: "kW",
  kwh: "kWh",
  rpm: "rpm",
  mm: "mm",
  kg: "kg",
  ppm: "ppm",
  lux: "lx",
  db: "dB",
};

export interface Label {
  name: string;
  /** Empty when the name says none. */
  unit: string;
}

/** "vibration_g" → Vibration, g; "temperature" → Temperature, without a unit. */
export function labelOf(field: string): Label {
  const parts = words(field);
  const unit = parts.length > 1 ? UNITS[parts.at(-1) ?? ""] : undefined;
  return { name: sentence(unit ? parts.slice(0, -1) : parts), unit: unit ?? "" };
}

export function titleOf(field: string): string {
  const { name, unit } = labelOf(field);
  return unit ? `${name} (${unit})` : name;
}

/** As titleOf, to go on a sentence with. */
export function titleWithin(field: string): string {
  const title = titleOf(field);
  return /^[A-Z]{2}/.test(title) ? title : title.charAt(0).toLowerCase() + title.slice(1);
}

/** What a key stands for: "device_id" → device. */
export function nounOf(keyField: string): string {
  const parts = words(keyField);
  const noun =
    parts.length > 1 && ["id", "key", "name"].includes(parts.at(-1) ?? "") ? parts.slice(0, -1) : parts;
  return noun.join(" ") === "id" ? "key" : noun.join(" ");
}

export function plural(noun: string, count: number): string {
  if (count === 1) return noun;
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(s|x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}

function words(field: string): string[] {
  return field
    .replace(/([a-z\d])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[_\-\s]+/)
    .filter(Boolean);
}

function sentence(parts: readonly string[]): string {
  const text = parts.map((part) => (ABBREVIATIONS.has(part) ? part.toUpperCase() : part)).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
