/** The models that were named, one a line or with commas between, each once. */
export function targetsOf(typed: string): string[] {
  return [...new Set(typed.split(/[\n,]/).map((each) => each.trim()))].filter(Boolean);
}

/** Those that nobody has, whatever the case of their letters. */
export function unknownTargets(targets: readonly string[], known: readonly string[]): string[] {
  const names = new Set(known.map((each) => each.toLowerCase()));
  return targets.filter((each) => !names.has(each.toLowerCase()));
}

/** Adds a model to what was typed, or takes it out again. */
export function toggled(typed: string, model: string): string {
  const targets = targetsOf(typed);
  const others = targets.filter((each) => each !== model);
  return (others.length < targets.length ? others : [...targets, model]).join("\n");
}
