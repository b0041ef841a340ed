export type Theme = "light" | "dark" | "system";

const KEY = "corral.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Light, dark, or what the system wants; kept by the browser. */
class ThemeState {
  chosen = $state<Theme>(stored());
  private systemDark = $state(dark.matches);

  constructor() {
    dark.addEventListener("change", (event) => {
      this.systemDark = event.matches;
      this.apply();
    });
    this.apply();
  }

  /** What is shown. */
  get shown(): "light" | "dark" {
    return this.chosen === "system" ? (this.systemDark ? "dark" : "light") : this.chosen;
  }

  choose(theme: Theme): void {
    this.chosen = theme;
    localStorage.setItem(KEY, theme);
    this.apply();
  }

  private apply(): void {
    document.documentElement.dataset.theme = this.shown;
  }
}

function stored(): Theme {
  const found = localStorage.getItem(KEY);
  return found === "light" || found === "dark" ? found : "system";
}

export const theme = new ThemeState();
