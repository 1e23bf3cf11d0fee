import type { Theme } from "./preferences";
import { signal, type Signal } from "./signal";

export type Appearance = "light" | "dark";

/** Light or dark, by the reader's choice or else the system's; style sheets read it from the root element. */
export function createAppearance(
  choice: Signal<Theme>,
  systemDark: MediaQueryList,
  root: HTMLElement,
): Signal<Appearance> {
  const resolve = (): Appearance => {
    const theme = choice.get();
    if (theme !== "system") return theme;
    return systemDark.matches ? "dark" : "light";
  };
  const appearance = signal(resolve());
  const apply = (): void => {
    // First the style sheets, then those who read colours from them.
    root.dataset.theme = resolve();
    appearance.set(resolve());
  };
  apply();
  choice.subscribe(apply);
  systemDark.addEventListener("change", apply);
  return appearance;
}
