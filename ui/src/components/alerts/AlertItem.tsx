import { memo } from "react";
import type { Alert, Severity } from "../../api/types";
import { useFeed } from "../../live/context";
import { formatTime, formatValue } from "../../model/format";
import { titleOf } from "../../model/names";
import { keyLabel } from "../../model/shape";
import { Age } from "../Age";

const ICONS: Readonly<Record<Severity, string>> = {
  info: "M8 7v5M8 4v.5M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Z",
  warning: "M8 6v4M8 12v.5M8 1.5 1 14.5h14Z",
  critical: "M8 4.5v4.5M8 11v.5M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3Z",
};

const NAMES: Readonly<Record<Severity, string>> = { info: "Info", warning: "Warning", critical: "Critical" };

interface AlertItemProps {
  entry: Alert;
  onSelect: (key: string) => void;
}

export const AlertItem = memo(function AlertItem({ entry, onSelect }: AlertItemProps) {
  const { shape } = useFeed();
  const { rule, severity, key, event_time, reading } = entry.alert;
  const time = Date.parse(event_time);

  return (
    <li className="journal-item">
      <p className="journal-head">
        <span className={`severity severity-${severity}`}>
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d={ICONS[severity]} />
          </svg>
          {NAMES[severity]}
        </span>
        <strong>{rule}</strong>
        <button type="button" className="key-button" onClick={() => onSelect(String(key))}>
          {keyLabel(shape, String(key))}
        </button>
        <span className="journal-time">
          {formatTime(time, time)} · <Age time={time} />
        </span>
      </p>
      <dl className="pairs">
        {shape.values
          .filter(({ name }) => reading[name] !== null && reading[name] !== undefined)
          .map(({ name, type }) => (
            <div key={name}>
              <dt>{titleOf(name)}</dt>
              <dd>{formatValue(reading[name], type, time)}</dd>
            </div>
          ))}
      </dl>
    </li>
  );
});
