import { useFeed } from "../../live/context";
import { useSignal } from "../../live/signal";
import { formatCount } from "../../model/format";
import { Empty } from "../Empty";
import { Journal } from "../Journal";
import { Loading } from "../Loading";
import { ProblemNotice } from "../ProblemNotice";
import { useSection } from "../section";
import { DeadLetterItem } from "./DeadLetterItem";

/** Records that could not be used, newest first. */
export function DeadLetters() {
  const feed = useFeed();
  const letters = useSignal(feed.deadLetters);
  const state = useSection("deadLetters");

  return (
    <section aria-labelledby="dead-letters">
      <div className="section-head">
        <h2 id="dead-letters">
          Dead letters{" "}
          {letters.length > 0 && <span className="count">newest {formatCount(letters.length)}</span>}
        </h2>
      </div>
      {typeof state === "object" && <ProblemNotice what="Dead letters can't be read" problem={state} />}
      {state === "loading" && letters.length === 0 && <Loading label="Loading dead letters" />}
      {state === "loaded" && letters.length === 0 && (
        <Empty title="No dead letters">
          <p>
            Records that can’t be used go to <code>{feed.pipeline.topics.deadLetters}</code>, and show here.
          </p>
        </Empty>
      )}
      {letters.length > 0 && (
        <Journal entries={letters}>{(letter) => <DeadLetterItem key={letter.id} letter={letter} />}</Journal>
      )}
    </section>
  );
}
