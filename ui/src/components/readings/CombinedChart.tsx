import { useState } from "react";
import type { Field } from "../../api/types";
import { ChartCard } from "../../charts/ChartCard";
import { combinedChart } from "../../model/chartData";
import { titleOf, titleWithin } from "../../model/names";
import type { ReadingsView } from "../../model/readings";

/** Two fields over the same time, each on an axis of its own. */
export function CombinedChart({ view, fields }: { view: ReadingsView; fields: readonly Field[] }) {
  const [leftName, setLeft] = useState(fields[0]?.name);
  const [rightName, setRight] = useState(fields[1]?.name);
  const left = fields.find(({ name }) => name === leftName) ?? fields[0];
  const right = fields.find(({ name }) => name === rightName) ?? fields[1];
  if (!left || !right) return null;
  const data = combinedChart(view, left, right);
  if (!data) return null;

  return (
    <ChartCard
      wide
      title={`${titleOf(left.name)} and ${titleWithin(right.name)}`}
      data={data}
      tools={
        fields.length > 2 && (
          <>
            <FieldChoice label="Left axis" fields={fields} value={left.name} onChange={setLeft} />
            <FieldChoice label="Right axis" fields={fields} value={right.name} onChange={setRight} />
          </>
        )
      }
    />
  );
}

interface FieldChoiceProps {
  label: string;
  fields: readonly Field[];
  value: string;
  onChange: (name: string) => void;
}

function FieldChoice({ label, fields, value, onChange }: FieldChoiceProps) {
  return (
    <label className="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {fields.map(({ name }) => (
          <option key={name} value={name}>
            {titleOf(name)}
          </option>
        ))}
      </select>
    </label>
  );
}
