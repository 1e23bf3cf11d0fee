import { useDashboard } from "../live/context";
import { THEMES } from "../live/preferences";
import { useSignal } from "../live/signal";

const NAMES = { system: "System", light: "Light", dark: "Dark" };

export function ThemeChoice() {
  const { theme } = useDashboard().preferences;
  const chosen = useSignal(theme);
  return (
    <fieldset className="segments">
      <legend className="hidden">Theme</legend>
      {THEMES.map((name) => (
        <label key={name} className="segment">
          <input
            type="radio"
            name="theme"
            value={name}
            checked={name === chosen}
            onChange={() => theme.set(name)}
          />
          <span>{NAMES[name]}</span>
        </label>
      ))}
    </fieldset>
  );
}
