import { text } from "../../text/playground";
import type { Attachment } from "./chat";
import { wavOf } from "./wav";

/** Models see no more of a picture than this many pixels along its longer side. */
const LONGEST_SIDE = 1568;
const LARGEST_PICTURE = 1024 * 1024;
const LARGEST_SOUND = 16 * 1024 * 1024;
const SOUND_RATE = 16_000;
const AS_IT_IS = new Set(["image/png", "image/jpeg", "image/webp"]);
const QUALITY = 0.86;

export type FileKind = "image" | "audio" | "other";

export function kindOf(file: File): FileKind {
  if (file.type.startsWith("image/")) return "image";
  return file.type.startsWith("audio/") ? "audio" : "other";
}

/** The size of a picture that is not larger than needed. */
export function fitted(width: number, height: number, longest = LONGEST_SIDE): [number, number] {
  const factor = Math.min(1, longest / Math.max(width, height));
  return [Math.max(1, Math.round(width * factor)), Math.max(1, Math.round(height * factor))];
}

/** A picture as models get it, scaled down if it is large. Throws an Error for people. */
export async function pictureOf(file: File): Promise<Attachment> {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(text.attach.unreadablePicture(file.name));
  });
  try {
    const [width, height] = fitted(bitmap.width, bitmap.height);
    const small = width === bitmap.width && file.size <= LARGEST_PICTURE;
    const url = small && AS_IT_IS.has(file.type) ? await dataUrl(file) : drawn(bitmap, width, height);
    return { kind: "image", name: file.name || text.attach.pasted, url };
  } finally {
    bitmap.close();
  }
}

/** Sound as models get it: WAV or MP3. Throws an Error for people. */
export async function soundOf(file: File): Promise<Attachment> {
  const format = /mpeg|mp3/.test(file.type) ? "mp3" : "wav";
  const known = format === "mp3" || /wav/.test(file.type);
  const sent = known ? file : await asWav(file);
  if (sent.size > LARGEST_SOUND) throw new Error(text.attach.largeSound(file.name));
  const url = await dataUrl(sent);
  return { kind: "audio", name: file.name, format, data: url.slice(url.indexOf(",") + 1) };
}

async function asWav(file: File): Promise<Blob> {
  const context = new OfflineAudioContext(1, 1, SOUND_RATE);
  const decoded = await context.decodeAudioData(await file.arrayBuffer()).catch(() => {
    throw new Error(text.attach.unreadableSound(file.name));
  });
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, at) => decoded.getChannelData(at));
  return new Blob([wavOf(channels, decoded.sampleRate)], { type: "audio/wav" });
}

function drawn(bitmap: ImageBitmap, width: number, height: number): string {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d")!;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  return canvas.toDataURL("image/jpeg", QUALITY);
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error ?? new Error(blob.type));
    reader.readAsDataURL(blob);
  });
}
