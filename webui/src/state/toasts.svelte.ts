export interface Toast {
  id: number;
  kind: "ok" | "error";
  message: string;
}

const SHOWN_MS = { ok: 4_000, error: 10_000 };

/** Short messages at the edge of the window. */
class Toasts {
  shown = $state<Toast[]>([]);
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

  private add(kind: Toast["kind"], message: string): void {
    const id = ++this.last;
    this.shown.push({ id, kind, message });
    setTimeout(() => this.dismiss(id), SHOWN_MS[kind]);
  }
}

export const toast = new Toasts();
