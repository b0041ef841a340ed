import { cleaned, isOurPage, queryText } from "./address";

/** Where the reader is. Addresses are those of the History API, below /dashboard and /playground. */
class Router {
  path = $state(cleaned(location.pathname));
  query = $state(new URLSearchParams(location.search));
  /** Whether another page was shown before this one. */
  hasMoved = false;
  private guards = new Set<() => boolean>();

  constructor() {
    addEventListener("popstate", () => this.read());
    document.addEventListener("click", (event) => this.clicked(event));
  }

  /** Show another page. `replace`: without a new entry in the browser's history. */
  go(path: string, query: Record<string, string | null | undefined> = {}, { replace = false } = {}): void {
    const search = queryText(query);
    const address = path + (search ? `?${search}` : "");
    if (address === location.pathname + location.search) return this.read();
    if ([...this.guards].some((mayLeave) => path !== this.path && !mayLeave())) return;
    if (replace) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    const moved = path !== this.path;
    if (moved) this.hasMoved = true;
    this.read();
    if (moved) scrollTo(0, 0);
  }

  /** Change parts of the query in place, as filters do; empty ones go. */
  setQuery(changes: Record<string, string | null | undefined>): void {
    const all = Object.fromEntries(this.query);
    this.go(this.path, { ...all, ...changes }, { replace: true });
  }

  /** Ask `mayLeave` before another page is shown; returns what ends that. */
  guard(mayLeave: () => boolean): () => void {
    this.guards.add(mayLeave);
    return () => this.guards.delete(mayLeave);
  }

  private read(): void {
    this.path = cleaned(location.pathname);
    this.query = new URLSearchParams(location.search);
  }

  private clicked(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const href = link?.getAttribute("href"); // as written: the property is another thing in a picture
    if (!link || !href || link.hasAttribute("target") || link.hasAttribute("download")) return;
    const to = new URL(href, location.href);
    if (to.origin !== location.origin || !isOurPage(to.pathname)) return;
    if (to.pathname === location.pathname && to.search === location.search && to.hash) return;
    event.preventDefault();
    this.go(to.pathname, Object.fromEntries(to.searchParams));
  }
}

export const router = new Router();
