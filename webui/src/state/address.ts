/** A path without slashes at its end. */
export function cleaned(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}

/** Whether the page application shows this path itself; anything else is the browser's affair. */
export function isOurPage(path: string): boolean {
  return /^\/(dashboard|playground)(\/|$)/.test(path) && !path.startsWith("/dashboard/assets/");
}

/** A query as it stands in an address; what is empty is left out. */
export function queryText(query: Record<string, string | null | undefined>): string {
  const set = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  return new URLSearchParams(set).toString();
}
