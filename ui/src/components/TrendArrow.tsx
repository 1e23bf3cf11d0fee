import type { Trend } from "../model/trend";

const ARROWS: Readonly<Record<Trend, { path: string; text: string }>> = {
  up: { path: "M8 13V3M4 7l4-4 4 4", text: "rising" },
  down: { path: "M8 3v10M4 9l4 4 4-4", text: "falling" },
  same: { path: "M4 8h8", text: "unchanged" },
};

export function TrendArrow({ trend }: { trend: Trend | null }) {
  if (trend === null) return <span className="trend" />;
  const { path, text } = ARROWS[trend];
  return (
    <span className={`trend trend-${trend}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={path} />
      </svg>
      <span className="hidden">{text}</span>
    </span>
  );
}
