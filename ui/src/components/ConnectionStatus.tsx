import { useFeed } from "../live/context";
import { POLL_EVERY } from "../live/feed";
import { useSignal } from "../live/signal";
import type { Connection } from "../model/connection";
import { formatTime } from "../model/format";

export function ConnectionStatus() {
  const connection = useSignal(useFeed().connection);
  return (
    <p className={`connection connection-${connection.mode}`} role="status">
      <span className="connection-dot" aria-hidden="true" />
      {describe(connection)}
    </p>
  );
}

function describe({ mode, since }: Connection): string {
  switch (mode) {
    case "connecting":
      return "Connecting";
    case "live":
      return "Live by events";
    case "reconnecting":
      return "Reconnecting";
    case "polling":
      return `Polling every ${POLL_EVERY / 1000} s`;
    case "offline":
      return `Offline since ${formatTime(since, since)}`;
    case "paused":
      return "Paused";
    case "unauthorized":
      return "No access";
  }
}
