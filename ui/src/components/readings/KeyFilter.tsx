import { useId, useState, type KeyboardEvent } from "react";
import { formatCount } from "../../model/format";
import { searchKeys } from "../../model/keySearch";
import { plural } from "../../model/names";

interface KeyFilterProps {
  keys: readonly string[];
  noun: string;
  selected: string | null;
  onSelect: (key: string | null) => void;
}

/** More would not be read; typing narrows them. */
const SHOWN = 50;

/** Finds a key by what is typed, or "all". */
export function KeyFilter({ keys, noun, selected, onSelect }: KeyFilterProps) {
  const id = useId();
  // null: not being typed in.
  const [typed, setTyped] = useState<string | null>(null);
  const [active, setActive] = useState(0);
  const open = typed !== null;
  const found = open ? searchKeys(keys, typed) : [];
  const all = allLabel(keys, noun);
  const options: { key: string | null; label: string }[] = [
    ...(typed === "" || !open ? [{ key: null, label: all }] : []),
    ...found.slice(0, SHOWN).map((key) => ({ key, label: key })),
  ];
  const left = found.length - SHOWN;

  function close(): void {
    setTyped(null);
    setActive(0);
  }

  function choose(at: number): void {
    const option = options[at];
    if (!option) return;
    close();
    onSelect(option.key);
  }

  function press(event: KeyboardEvent): void {
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp":
        event.preventDefault();
        if (!open) setTyped("");
        else
          setActive(
            (active + (event.key === "ArrowDown" ? 1 : options.length - 1)) % Math.max(1, options.length),
          );
        break;
      case "Enter":
        if (open) choose(active);
        break;
      case "Escape":
        close();
        break;
    }
  }

  return (
    <div className="filter">
      <label className="field" htmlFor={id}>
        <span className="filter-noun">{noun}</span>
      </label>
      <input
        id={id}
        type="text"
        role="combobox"
        autoComplete="off"
        spellCheck={false}
        aria-expanded={open}
        aria-controls={`${id}-options`}
        aria-autocomplete="list"
        aria-activedescendant={open && options.length > 0 ? `${id}-${active}` : undefined}
        placeholder={selected ?? all}
        value={typed ?? selected ?? ""}
        onFocus={(event) => event.target.select()}
        onClick={() => setTyped(typed ?? "")}
        onBlur={close}
        onChange={(event) => {
          setTyped(event.target.value);
          setActive(0);
        }}
        onKeyDown={press}
      />
      {selected !== null && (
        <button type="button" className="filter-clear" onClick={() => onSelect(null)}>
          <span aria-hidden="true">×</span>
          <span className="hidden">Show all {plural(noun, 2)}</span>
        </button>
      )}
      <div
        id={`${id}-options`}
        role="listbox"
        aria-label={plural(noun, 2)}
        className="filter-options"
        hidden={!open}
      >
        {options.map(({ key, label }, at) => (
          // Keys are handled where the focus is, in the input.
          <div
            key={key ?? ""}
            id={`${id}-${at}`}
            role="option"
            tabIndex={-1}
            aria-selected={key === selected}
            className={at === active ? "filter-option filter-option-active" : "filter-option"}
            onPointerDown={(event) => {
              event.preventDefault();
              choose(at);
            }}
          >
            {label}
          </div>
        ))}
        {left > 0 && (
          <p role="presentation" className="filter-more">
            {formatCount(left)} more – type to narrow
          </p>
        )}
        {open && options.length === 0 && (
          <p role="presentation" className="filter-more">
            No {noun} like this
          </p>
        )}
      </div>
    </div>
  );
}

function allLabel(keys: readonly string[], noun: string): string {
  const [first, second] = keys;
  if (first === undefined) return `No ${plural(noun, 2)} yet`;
  return second === undefined ? first : `All ${formatCount(keys.length)} ${plural(noun, keys.length)}`;
}
