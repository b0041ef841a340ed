import { getContext, setContext } from "svelte";

/** What a Field tells the control inside it. Getters, so that changes are seen. */
export interface FieldContext {
  readonly id: string;
  readonly describedBy: string | undefined;
  readonly invalid: boolean;
  readonly required: boolean;
}

const KEY = Symbol("field");

export function provideField(context: FieldContext): void {
  setContext(KEY, context);
}

export function usedField(): FieldContext | undefined {
  return getContext<FieldContext | undefined>(KEY);
}
