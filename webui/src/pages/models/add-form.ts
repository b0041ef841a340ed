import type { Schema } from "../../api/client";

/** Which of a repository's files is meant. */
export type Which = "quality" | "memory" | "speed" | "quantization" | "filename" | "only";

export const WHICH: Which[] = ["speed", "quality", "memory", "quantization", "filename", "only"];

export interface AddForm {
  repo: string;
  which: Which;
  quantization: string;
  filename: string;
  /** A machine's id; "": the best one; LATER: none now. */
  to: string;
}

export const LATER = "later";
export const EMPTY: AddForm = { repo: "", which: "speed", quantization: "", filename: "", to: "" };

/** What the server is asked for; fields that say nothing are left out. */
export function wish(form: AddForm): Schema<"NewModel"> {
  const asked: Schema<"NewModel"> = {
    repo: form.repo.trim(),
    filename: null,
    gguf_policy: null,
    format: null,
    quantization: null,
  };
  if (namesFile(form.repo)) return asked;
  if (form.which === "quantization") asked.quantization = form.quantization.trim() || null;
  else if (form.which === "filename") asked.filename = form.filename.trim() || null;
  else if (form.which !== "only") asked.gguf_policy = form.which;
  return asked;
}

/** Whether the address says which file is meant: ORG/MODEL:QUANT, or the URL of a file. */
export function namesFile(repo: string): boolean {
  const rest = repo.trim();
  if (/^https?:\/\//i.test(rest)) return /\/(blob|resolve|raw)\//.test(rest);
  return /^[^/\s]+\/[^/:\s]+:[^:\s]+$/.test(rest);
}

/** The field of the dialog that an error's parameter is about. */
export function fieldOf(
  param: string | null,
  form: AddForm,
): "repo" | "which" | "quantization" | "filename" | "to" | "" {
  if (param === "repo" || param === "to") return param;
  if (param === "quantization") return form.which === "quantization" ? "quantization" : "which";
  if (param === "filename") return form.which === "filename" ? "filename" : "which";
  return param === "gguf_policy" || param === "format" ? "which" : "";
}
