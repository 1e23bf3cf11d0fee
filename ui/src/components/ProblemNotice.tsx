import type { Problem } from "../api/types";

/** What could not be shown, and why; whoever shows this tries again by itself. */
export function ProblemNotice({ what, problem }: { what: string; problem: Problem }) {
  return (
    <div className="notice notice-bad" role="alert">
      <p className="notice-title">{what}</p>
      <p>
        {problem.title}
        {problem.status > 0 && ` (${problem.status})`}: {problem.detail}
      </p>
      <p className="muted">Trying again by itself.</p>
    </div>
  );
}
