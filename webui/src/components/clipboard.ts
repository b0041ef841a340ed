/** Put text on the clipboard, also on pages without HTTPS, where the newer way is closed. Returns whether it worked. */
export async function copyText(value: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    return copySelected(value);
  }
}

function copySelected(value: string): boolean {
  const before = document.activeElement;
  const area = document.createElement("textarea");
  area.value = value;
  area.readOnly = true;
  area.style.position = "fixed";
  area.style.opacity = "0";
  const open = [...document.querySelectorAll<HTMLDialogElement>("dialog[open]")].pop();
  (open ?? document.body).append(area); // outside an open dialog nothing can be selected
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus();
  return copied;
}
