/**
 * Gathers what comes until the next frame, so that a burst of messages is one change of the page.
 *
 * A page that nobody sees gets no frames, and its timers are slowed down: there everything is delivered at once,
 * because a danger must be heard there too.
 */
export interface Gatherer<T> {
  add: (item: T) => void;
  /** What was gathered and not yet delivered is dropped. */
  close: () => void;
}

/** A covered window may be given no frames although it counts as visible; then this is the longest wait. */
const LONGEST_WAIT_MS = 100;

export function perFrame<T>(deliver: (items: readonly T[]) => void): Gatherer<T> {
  let gathered: T[] = [];
  let frame = 0;
  let timer = 0;

  function rest(): void {
    window.cancelAnimationFrame(frame);
    window.clearTimeout(timer);
    frame = timer = 0;
  }

  function flush(): void {
    rest();
    const items = gathered;
    gathered = [];
    deliver(items);
  }

  return {
    add(item) {
      gathered.push(item);
      if (document.visibilityState === "hidden") flush();
      else if (frame === 0) {
        frame = window.requestAnimationFrame(flush);
        timer = window.setTimeout(flush, LONGEST_WAIT_MS);
      }
    },
    close() {
      rest();
      gathered = [];
    },
  };
}
