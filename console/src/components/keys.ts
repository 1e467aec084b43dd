/**
 * Keyboard commands of the whole page. They rest while a dialog is open, and single keys also while somebody types.
 * `Mod+k` is Ctrl-K, or ⌘K.
 */
import { useEffect, useEffectEvent } from "react";

export function useKeys(commands: Readonly<Record<string, () => void>>): void {
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.altKey) return;
    const isChord = event.ctrlKey !== event.metaKey;
    if ((event.ctrlKey && event.metaKey) || (!isChord && isTyping(event.target))) return;
    if (document.querySelector("dialog[open]")) return;
    const command = commands[isChord ? `Mod+${event.key.toLowerCase()}` : event.key];
    if (!command) return;
    event.preventDefault();
    command();
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => press(event);
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");
}

/** Moves the focus among the elements marked `data-stop`, in the order of the page. */
export function moveFocus(step: 1 | -1): void {
  const stops = [...document.querySelectorAll<HTMLElement>("[data-stop]")];
  const here = stops.findIndex((stop) => stop === document.activeElement || stop.contains(document.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : stops.length - 1) : Math.min(Math.max(here + step, 0), stops.length - 1);
  stops[next]?.focus();
  stops[next]?.scrollIntoView({ block: "nearest" });
}
