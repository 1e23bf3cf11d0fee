import { memo } from "react";
import type { Field } from "../../api/types";
import { formatValue } from "../../model/format";
import type { Latest } from "../../model/latest";
import { trendOf } from "../../model/trend";
import { Age } from "../Age";
import { TrendArrow } from "../TrendArrow";

interface KeyRowProps {
  latest: Latest;
  fields: readonly Field[];
  rowIndex: number;
  tabStop: boolean;
  onSelect: (key: string) => void;
}

/** Rendered again only when its own reading is another. */
export const KeyRow = memo(function KeyRow({ latest, fields, rowIndex, tabStop, onSelect }: KeyRowProps) {
  return (
    // The button is for the keyboard and screen readers; the row is a larger target for pointers.
    <tr aria-rowindex={rowIndex} onClick={() => onSelect(latest.key)}>
      <th scope="row">
        <button type="button" className="key-button" tabIndex={tabStop ? 0 : -1}>
          {latest.key}
        </button>
      </th>
      {fields.map(({ name, type }) => (
        <td key={name} className={type === "string" ? undefined : "number"}>
          {formatValue(latest.reading[name], type, latest.time)}
          {type !== "string" && <TrendArrow trend={trendOf(latest, name)} />}
        </td>
      ))}
      <td className="number">
        <Age time={latest.time} interval={latest.interval} />
      </td>
    </tr>
  );
});
