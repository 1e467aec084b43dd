/** The live line as part of the page: open while it is shown, its messages in the query cache. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useState } from "react";

import { applyMessage } from "./cache.ts";
import type { LiveMessage } from "./messages.ts";
import { lineAddress, openLine, type LineState } from "./socket.ts";

interface Listener {
  /** After the cache has it. */
  onMessage: (message: LiveMessage) => void;
  onLost: () => void;
}

export function useLine({ onMessage, onLost }: Listener): LineState {
  const client = useQueryClient();
  const [state, setState] = useState<LineState>("connecting");
  const hear = useEffectEvent((message: LiveMessage) => {
    applyMessage(client, message, Date.now());
    onMessage(message);
  });
  const lost = useEffectEvent(onLost);
  useEffect(
    () =>
      openLine({
        url: lineAddress(window.location),
        onMessage: (message) => hear(message),
        onState: setState,
        onLost: () => lost(),
      }),
    [],
  );
  return state;
}
