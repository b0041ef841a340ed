import type { IconName } from "./icons";

export interface MenuItem {
  label: string;
  icon?: IconName;
  onclick?: () => void;
  href?: string;
  /** With href: the browser saves it, under this name if one is given. */
  download?: string | boolean;
  danger?: boolean;
  disabled?: boolean;
  /** One of several choices, and whether it is the current one. */
  checked?: boolean;
  /** A line above it. */
  separated?: boolean;
}

/** Which entry a key leads to, of `many`; null: the key is not for the menu. */
export function nextIndex(key: string, at: number, many: number): number | null {
  if (many === 0) return null;
  if (key === "ArrowDown") return (at + 1) % many;
  if (key === "ArrowUp") return (at - 1 + many) % many;
  if (key === "Home") return 0;
  if (key === "End") return many - 1;
  return null;
}
