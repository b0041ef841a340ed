import { untrack } from "svelte";

export interface Toast {
  id: number;
  kind: "ok" | "error";
  message: string;
}

const SHOWN_MS = { ok: 4_000, error: 10_000 };

/** Short messages at the edge of the window. */
class Toasts {
  shown = $state<Toast[]>([]);
  /** Changes when toasts have to come above what has just opened. */
  layer = $state(0);
  private last = 0;

  ok(message: string): void {
    this.add("ok", message);
  }

  error(error: unknown): void {
    this.add("error", error instanceof Error ? error.message : String(error));
  }

  dismiss(id: number): void {
    this.shown = this.shown.filter((toast) => toast.id !== id);
  }

  raise(): void {
    this.layer = untrack(() => this.layer) + 1;
  }

  private add(kind: Toast["kind"], message: string): void {
    const id = ++this.last;
    this.shown.push({ id, kind, message });
    setTimeout(() => this.dismiss(id), SHOWN_MS[kind]);
  }
}

export const toast = new Toasts();
