/** The live line as part of the page: open while it is shown, its messages in the query cache, a frame's at a time. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useState } from "react";

import { applyMessages } from "./cache.ts";
import { perFrame } from "./frames.ts";
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
  const hear = useEffectEvent((messages: readonly LiveMessage[]) => {
    applyMessages(client, messages, Date.now());
    for (const message of messages) onMessage(message);
  });
  const lost = useEffectEvent(onLost);
  useEffect(() => {
    const gathered = perFrame<LiveMessage>((messages) => hear(messages));
    const close = openLine({
      url: lineAddress(window.location),
      onMessage: gathered.add,
      onState: setState,
      onLost: () => lost(),
    });
    return () => {
      close();
      gathered.close();
    };
  }, []);
  return state;
}
