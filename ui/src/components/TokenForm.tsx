import { useState, type SyntheticEvent } from "react";

interface TokenFormProps {
  /** Whether a token has been tried already. */
  refused: boolean;
  onSubmit: (token: string) => void;
}

export function TokenForm({ refused, onSubmit }: TokenFormProps) {
  const [token, setToken] = useState("");

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    const trimmed = token.trim();
    if (trimmed) onSubmit(trimmed);
  }

  return (
    <form className="token-form" onSubmit={submit}>
      <p>This API asks for an access token.</p>
      {refused && (
        <p className="notice notice-bad" role="alert">
          The API did not accept the token. It may be mistyped, or no longer valid.
        </p>
      )}
      <label htmlFor="token">Token</label>
      <input
        id="token"
        type="password"
        autoComplete="off"
        spellCheck={false}
        value={token}
        onChange={(event) => setToken(event.target.value)}
      />
      <button type="submit" className="button button-primary">
        Show the dashboard
      </button>
      <p className="muted">It is kept until this tab is closed, and sent to this API only.</p>
    </form>
  );
}
