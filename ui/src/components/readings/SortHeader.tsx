import type { KeySort } from "../../model/keySort";

interface SortHeaderProps {
  by: string;
  title: string;
  numeric?: boolean;
  sort: KeySort;
  onSort: (sort: KeySort) => void;
}

export function SortHeader({ by, title, numeric = false, sort, onSort }: SortHeaderProps) {
  const sorted = sort.by === by;
  // Of numbers, the greatest are what one looks for.
  const descending = sorted ? !sort.descending : numeric;
  const order = sort.descending ? "descending" : "ascending";
  return (
    <th scope="col" className={numeric ? "number" : undefined} aria-sort={sorted ? order : undefined}>
      <button type="button" className="sort" onClick={() => onSort({ by, descending })}>
        {title}
        <span className="sort-mark" aria-hidden="true">
          {sorted && (sort.descending ? "↓" : "↑")}
        </span>
      </button>
    </th>
  );
}
