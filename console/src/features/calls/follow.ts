/** Staying at the newest words of a live call, but only for a reader who is there already. */
import { useEffect, useLayoutEffect, useRef, useState } from "react";

/** Within so many pixels of the page's end counts as being there. */
const NEAR_PX = 120;
/** Where the judgement stands beside the words, as in CallPage.module.css. */
const SIDE_BY_SIDE = "(min-width: 1101px)";

function isAtEnd(): boolean {
  const { scrollHeight } = document.documentElement;
  return window.innerHeight + window.scrollY >= scrollHeight - NEAR_PX;
}

function toEnd(): void {
  window.scrollTo({ top: document.documentElement.scrollHeight });
}

/** `lines` is anything that changes when words are added. */
export function useFollow(active: boolean, lines: number): { isBehind: boolean; catchUp: () => void } {
  const following = useRef<boolean>(null);
  const [isBehind, setBehind] = useState(false);

  useEffect(() => {
    if (!active) return;
    const scrolled = () => {
      following.current = isAtEnd();
      if (following.current) setBehind(false);
    };
    window.addEventListener("scroll", scrolled, { passive: true });
    return () => window.removeEventListener("scroll", scrolled);
  }, [active]);

  useLayoutEffect(() => {
    if (!active || lines === 0) return;
    // On a narrow screen the judgement stands above the words, and is what one opens the page for.
    following.current ??= window.matchMedia(SIDE_BY_SIDE).matches;
    if (following.current) toEnd();
    else setBehind(true);
  }, [active, lines]);

  return { isBehind: active && isBehind, catchUp: toEnd };
}
