/** The calls that are being spoken now, worst first. */
import { memo, useState } from "react";

import { CallLabel } from "../../components/CallLabel.tsx";
import { duration, useNow } from "../../components/clock.ts";
import { CommandLine } from "../../components/CommandLine.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { LevelBadge } from "../../components/Level.tsx";
import { isDanger } from "../../components/risk.ts";
import { Link } from "../../components/router.tsx";
import type { Words } from "../../components/words.en.ts";
import { useWords } from "../../components/words.tsx";
import { hasLeft, type LiveCall } from "../../live/cache.ts";
import { useLiveCalls } from "./api.ts";
import styles from "./LivePage.module.css";
import { useSteadyOrder } from "./order.ts";

const FIRST_CALL = "ringfence call bank-impersonation";

export function LivePage() {
  const words = useWords();
  const calls = useLiveCalls();
  const now = useNow();
  const [held, setHeld] = useState(false);
  const present = (calls ?? []).filter((call) => held || !hasLeft(call, now));
  const ordered = useSteadyOrder(present, held);
  const worst = ordered.find((call) => isDanger(call.current_risk_level) && call.ended_at === null);

  return (
    <>
      <h1>{words.live.title}</h1>
      {!calls && <p role="status">{words.loading}</p>}
      {calls && ordered.length === 0 && (
        <EmptyState title={words.live.none}>
          <p>{words.live.noneLead}</p>
          <CommandLine command={FIRST_CALL} />
          <p>{words.live.noneMore}</p>
        </EmptyState>
      )}
      {ordered.length > 0 && (
        <div className={styles.table} onPointerEnter={() => setHeld(true)} onPointerLeave={() => setHeld(false)}>
          <div className={styles.head} aria-hidden="true">
            <span>{words.live.columns.level}</span>
            <span>{words.live.columns.call}</span>
            <span className={styles.number}>{words.live.columns.time}</span>
            <span>{words.live.columns.words}</span>
            <span className={styles.number}>{words.live.columns.score}</span>
          </div>
          <ol aria-label={words.live.list}>
            {ordered.map((call) => (
              <li key={call.call_sid}>
                <Line call={call} loud={call === worst} />
              </li>
            ))}
          </ol>
        </div>
      )}
    </>
  );
}

/** Drawn again only when its own call has changed: with hundreds of calls, every message changes one of them. */
const Line = memo(function Line({ call, loud }: { call: LiveCall; loud: boolean }) {
  const words = useWords();
  const tactic = call.indicators.at(-1);
  const remark = remarkOn(call, words);
  return (
    <Link
      className={styles.line}
      to={`/calls/${encodeURIComponent(call.call_sid)}`}
      data-stop=""
      data-level={call.current_risk_level}
      data-loud={loud ? "" : undefined}
      data-over={call.ended_at === null ? undefined : ""}
    >
      <span className={styles.level}>
        <LevelBadge level={call.current_risk_level} loud={loud} />
      </span>
      <CallLabel caller={call.caller_number} called={call.called_number} />
      <span className={styles.time}>
        <Elapsed from={call.started_at} to={call.ended_at} />
      </span>
      <span className={styles.words}>
        {remark !== null && <span className={styles.remark}>{remark}</span>}
        {tactic && isDanger(call.current_risk_level) && (
          <span className={styles.tactic} lang={call.language}>
            {tactic}
          </span>
        )}
        {call.last_words ? (
          <q lang={call.language} className={styles.quote}>
            {call.last_words}
          </q>
        ) : (
          <span className={styles.quiet}>{words.live.nothingSaid}</span>
        )}
      </span>
      <span className={styles.score} title={words.score(call.score)}>
        {call.score}
      </span>
    </Link>
  );
});

/** The length of a call, which grows until it has ended. */
function Elapsed({ from, to }: { from: string; to: string | null }) {
  const now = useNow(to === null);
  return duration((to === null ? now : Date.parse(to)) - Date.parse(from));
}

function remarkOn(call: LiveCall, words: Words): string | null {
  if (call.ended_at !== null) return words.live.ended;
  if (call.hung_up) return words.live.hungUp;
  return call.is_protected ? null : words.live.paused;
}
