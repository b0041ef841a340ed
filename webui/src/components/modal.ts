import { toast } from "../state/toasts.svelte";

/** What gets the focus first. */
const FIRST =
  "[autofocus], .inside :is(input, select, textarea):not([disabled], [readonly]), footer button:not([disabled])";

interface Modal {
  /** Called when the reader closes it: Esc, or a click beside it. */
  closed: () => void;
  mayClose?: () => boolean;
}

/** An attachment that opens a <dialog> above everything: the browser keeps the focus inside and gives it back at the end. */
export function modal({ closed, mayClose = () => true }: Modal) {
  return (element: HTMLDialogElement) => {
    const before = document.activeElement;
    const cancelled = (event: Event) => {
      if (event.target !== element) return;
      event.preventDefault();
      if (mayClose()) closed();
    };
    let pressedBeside = false;
    const pressed = (event: PointerEvent) => (pressedBeside = event.target === element);
    const clicked = (event: MouseEvent) => {
      if (event.target === element && pressedBeside && mayClose()) closed();
    };
    element.addEventListener("cancel", cancelled);
    element.addEventListener("pointerdown", pressed);
    element.addEventListener("click", clicked);
    element.showModal();
    toast.raise();
    element.querySelector<HTMLElement>(FIRST)?.focus();
    return () => {
      element.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  };
}
