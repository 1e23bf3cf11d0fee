import { useState, type FocusEvent, type ReactNode } from "react";
import { formatCount } from "../model/format";
import type { Entry } from "../model/journal";

interface JournalProps<T extends Entry> {
  /** Newest first. */
  entries: readonly T[];
  children: (entry: T) => ReactNode;
}

const STEP = 20;

/** A list that grows at the top. While the pointer or the focus is in it, it holds still. */
export function Journal<T extends Entry>({ entries, children }: JournalProps<T>) {
  const [shown, setShown] = useState(STEP);
  const [held, setHeld] = useState<readonly T[] | null>(null);
  const list = held ?? entries;
  const newer = held ? entries.findIndex(({ id }) => id === held[0]?.id) : 0;

  const hold = (): void => setHeld((before) => before ?? entries);

  function leave({ currentTarget, relatedTarget }: FocusEvent): void {
    if (!currentTarget.contains(relatedTarget)) setHeld(null);
  }

  return (
    // It only notices that someone is there; there is nothing to do with it.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div
      className="card journal"
      onPointerEnter={hold}
      onPointerLeave={() => setHeld(null)}
      onFocus={hold}
      onBlur={leave}
    >
      {newer > 0 && <p className="journal-held">Held still while you read; {formatCount(newer)} newer</p>}
      <ul>{list.slice(0, shown).map(children)}</ul>
      {list.length > shown && (
        <button type="button" className="button more" onClick={() => setShown(shown + STEP)}>
          Show more
        </button>
      )}
    </div>
  );
}
