/** A danger that rises is heard, felt, shown and announced: once for each level of a call. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { formatNumber } from "../components/phone.ts";
import type { Level } from "../components/risk.ts";
import { navigate } from "../components/router.tsx";
import { useWords } from "../components/words.tsx";
import type { Alarm } from "../live/alarm.ts";
import { LIVE_CALLS, type LiveCall } from "../live/cache.ts";
import type { LiveMessage } from "../live/messages.ts";
import { Rises } from "../live/rises.ts";

export interface DangerWatch {
  hear: (message: LiveMessage) => void;
  /** For a screen reader: the danger that rose last. */
  announcement: string;
}

export function useDanger(alarm: Alarm): DangerWatch {
  const words = useWords();
  const client = useQueryClient();
  const [rises] = useState(() => new Rises(window.sessionStorage));
  const [announcement, setAnnouncement] = useState("");

  function rose(callSid: string, level: Level, tactic: string): void {
    const danger = rises.take(callSid, level);
    if (!danger) return;
    const call = client.getQueryData<readonly LiveCall[]>(LIVE_CALLS)?.find((known) => known.call_sid === callSid);
    const number = formatNumber(call?.caller_number ?? "");
    const word = words.levels[danger];
    alarm.warn({
      level: danger,
      callSid,
      title: words.alarm.title(word, number),
      body: tactic || words.alarm.noEvidence,
      open: () => navigate(`/calls/${encodeURIComponent(callSid)}`),
    });
    setAnnouncement(words.alarm.announce(word, number, tactic || words.alarm.noEvidence));
  }

  function hear(message: LiveMessage): void {
    if (message.type === "analysis.complete") {
      rose(message.call_sid, message.risk_level, message.indicators.at(-1) ?? "");
    } else if (message.type === "live.state") {
      // What rose before this page listened, or while the line was broken, is told now.
      for (const call of message.calls) rose(call.call_sid, call.current_risk_level, call.indicators.at(-1) ?? "");
    }
  }

  return { hear, announcement };
}
