import { memo } from "react";
import type { DeadLetter } from "../../api/types";
import { formatTime } from "../../model/format";
import { payloadOf } from "../../model/payload";
import { Age } from "../Age";

export const DeadLetterItem = memo(function DeadLetterItem({ letter }: { letter: DeadLetter }) {
  const { at, reason, detail, source, key } = letter;
  const time = Date.parse(at);
  const { note, text } = payloadOf(letter);

  return (
    <li className="journal-item">
      <p className="journal-head">
        <strong className="reason">{reason}</strong>
        <span className="journal-time">
          {formatTime(time, time)} · <Age time={time} />
        </span>
      </p>
      <p className="journal-detail">{detail}</p>
      <details className="payload">
        <summary>
          Payload
          <span className="muted">
            {source && ` · ${source.topic} ${source.partition}/${source.offset}`}
            {key !== null && ` · key ${key}`}
          </span>
        </summary>
        {note && <p className="payload-note">{note}</p>}
        {text !== null && <pre>{text}</pre>}
      </details>
    </li>
  );
});
