import { showTwelveHours } from "../format";

export type Density = "comfortable" | "compact";
export type Clock = "24" | "12";

const DENSITY = "corral.density";
const CLOCK = "corral.clock";

/** How the dashboard looks, besides its colours; kept by the browser. */
class Preferences {
  density = $state<Density>(localStorage.getItem(DENSITY) === "compact" ? "compact" : "comfortable");
  clock = $state<Clock>(localStorage.getItem(CLOCK) === "12" ? "12" : "24");

  constructor() {
    this.apply();
  }

  chooseDensity(density: Density): void {
    this.density = density;
    localStorage.setItem(DENSITY, density);
    this.apply();
  }

  chooseClock(clock: Clock): void {
    this.clock = clock;
    localStorage.setItem(CLOCK, clock);
    this.apply();
  }

  private apply(): void {
    document.documentElement.dataset.density = this.density;
    showTwelveHours(this.clock === "12");
  }
}

export const preferences = new Preferences();
