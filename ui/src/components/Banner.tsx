import { useFeed } from "../live/context";
import { useSignal } from "../live/signal";
import { formatTime } from "../model/format";

/** Says that what is shown is not what is. */
export function Banner() {
  const { connection } = useFeed();
  const { mode, since, problem } = useSignal(connection);
  if (mode !== "offline") return null;
  return (
    <div className="notice notice-bad banner" role="alert">
      <p className="notice-title">Can’t reach the API since {formatTime(since, since)} – trying again</p>
      <p>What is shown is from before. {problem && `${problem.title}: ${problem.detail}.`}</p>
    </div>
  );
}
