import { api } from "../../api/client";
import { toast } from "../../state/toasts.svelte";
import { text } from "../../text/models";
import type { Copy, Place } from "./catalogue";

/** Load a model where a place is; what takes longer shows by itself how it goes. Never throws. */
export async function loadThere(place: Place): Promise<void> {
  await tried(async () => {
    const body = { model: place.model, node: place.id };
    const { done } = await api.post("/v0/models/load", { body });
    toast.ok((done ? text.said.loaded : text.said.loading)(place.model, place.name));
  });
}

/** Unload it there, also while it is loading. Never throws. */
export async function unloadThere(place: Place): Promise<void> {
  await tried(async () => {
    const body = { model: place.model, node: place.id };
    const { done } = await api.post("/v0/models/unload", { body });
    toast.ok((done ? text.said.unloaded : text.said.unloading)(place.model, place.name));
  });
}

/** Download a registered model to the best machine; a download that failed goes on. Never throws. */
export async function fetchModel(name: string, to?: string): Promise<void> {
  await tried(async () => {
    const body = {
      repo: name,
      to: to ?? null,
      filename: null,
      gguf_policy: null,
      format: null,
      quantization: null,
    };
    const copy = await api.post("/v0/models/pull", { body });
    toast.ok(text.said.began(copy.model, copy.node.name));
  });
}

/** Stop a download and remove what has come. Throws ApiError. */
export async function cancelCopy(copy: Copy): Promise<void> {
  await api.delete("/v0/models/copies/{id}", { path: { id: copy.id } });
  toast.ok(text.said.cancelled(copy.model));
}

async function tried(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    toast.error(error);
  }
}
