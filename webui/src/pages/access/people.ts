import type { Schema } from "../../api/client";
import { relative } from "../../format";
import { text } from "../../text/access";

export type User = Schema<"User">;
export type Invitation = Schema<"Invitation">;

/** Without characters that look alike. */
const ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
const LENGTH = 20;
const LARGEST_FAIR = 256 - (256 % ALPHABET.length);

/** A random password. `random` fills an array with bytes. */
export function newPassword(
  random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array = (bytes) => crypto.getRandomValues(bytes),
): string {
  let password = "";
  while (password.length < LENGTH) {
    for (const byte of random(new Uint8Array(LENGTH))) {
      if (byte < LARGEST_FAIR && password.length < LENGTH) password += ALPHABET[byte % ALPHABET.length];
    }
  }
  return password;
}

export type InvitationState = "open" | "used" | "expired";

/** What an invitation is good for at `now` (milliseconds). */
export function invitationState(invitation: Invitation, now: number): InvitationState {
  if (invitation.used_at !== null) return "used";
  return Date.parse(invitation.expires_at) <= now ? "expired" : "open";
}

/** "expires in 71 h", "by mila, 3 h ago", nothing for expired ones. */
export function invitationDetail(invitation: Invitation, users: readonly User[], now: number): string {
  const state = invitationState(invitation, now);
  if (state === "open") return text.invitations.openUntil(relative(invitation.expires_at, now));
  if (state === "expired") return "";
  const name = users.find((user) => user.id === invitation.used_by)?.username;
  return text.invitations.usedBy(name ?? text.invitations.somebody, relative(invitation.used_at, now));
}

/** Where whoever has the code registers. */
export function invitationLink(origin: string, code: string): string {
  return `${origin}/dashboard/register?code=${encodeURIComponent(code)}`;
}
