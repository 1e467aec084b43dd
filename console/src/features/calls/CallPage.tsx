/** One call: what was said, what it shows, and what we make of it, while it is spoken and afterwards. */
import { useEffect, useRef, useState } from "react";

import { Button } from "../../components/Button.tsx";
import { CallLabel } from "../../components/CallLabel.tsx";
import { duration, useNow } from "../../components/clock.ts";
import { LevelBadge } from "../../components/Level.tsx";
import { goBack, usePlace } from "../../components/router.tsx";
import { Trouble } from "../../components/Trouble.tsx";
import { useWords } from "../../components/words.tsx";
import { HttpError } from "../../live/http.ts";
import { audioPath, useHeard, useIsProtected, useRecord, type CallDetail } from "./api.ts";
import styles from "./CallPage.module.css";
import { conversation, type Conversation } from "./conversation.ts";
import { Feedback } from "./Feedback.tsx";
import { useFollow } from "./follow.ts";
import { Judgement } from "./Judgement.tsx";
import { Transcript } from "./Transcript.tsx";

export function CallPage({ callSid }: { callSid: string }) {
  const words = useWords();
  const record = useRecord(callSid);
  const heard = useHeard(callSid);
  const isProtected = useIsProtected(callSid);

  if (record.error) {
    const isMissing = record.error instanceof HttpError && record.error.status === 404;
    return isMissing ? (
      <p role="alert">{words.call.missing}</p>
    ) : (
      <Trouble error={record.error} onRetry={() => void record.refetch()} />
    );
  }
  if (!record.data) return <p role="status">{words.loading}</p>;
  return <Call record={record.data} call={conversation(record.data, heard, isProtected)} />;
}

function Call({ record, call }: { record: CallDetail; call: Conversation }) {
  const words = useWords();
  const { hash } = usePlace();
  const audio = useRef<HTMLAudioElement>(null);
  const [playedMs, setPlayedMs] = useState<number | null>(null);
  const lines = call.rows.length + call.partial.length;
  const follow = useFollow(call.isLive && hash === "", lines);

  useEffect(() => {
    if (hash) document.getElementById(hash)?.scrollIntoView({ block: "center" });
  }, [hash]);

  function seek(ms: number): void {
    if (!audio.current) return;
    audio.current.currentTime = ms / 1000;
    void audio.current.play();
  }

  const canListen = record.has_audio && !call.isLive;
  return (
    <article>
      <CallHeader record={record} call={call} />
      <div className={styles.columns}>
        <Judgement call={call} record={record} />
        <div className={styles.main}>
          {canListen && (
            <section className={styles.listen} aria-label={words.call.listen}>
              <audio
                ref={audio}
                className={styles.player}
                controls
                preload="metadata"
                src={audioPath(record.call_sid)}
                onTimeUpdate={(event) => setPlayedMs(event.currentTarget.currentTime * 1000)}
                onPause={() => setPlayedMs(null)}
              />
              <p>{words.call.audioLead}</p>
            </section>
          )}
          <Transcript
            call={call}
            language={record.language}
            target={hash}
            playedMs={playedMs}
            onSeek={canListen ? seek : null}
          />
          {!call.isLive && <Feedback callSid={record.call_sid} given={record.feedback} />}
        </div>
      </div>
      {follow.isBehind && (
        <div className={styles.newest}>
          <Button kind="primary" onClick={follow.catchUp}>
            {words.call.newest} ↓
          </Button>
        </div>
      )}
    </article>
  );
}

function CallHeader({ record, call }: { record: CallDetail; call: Conversation }) {
  const words = useWords();
  const now = useNow(call.isLive);
  const end = call.endedAt === null ? now : Date.parse(call.endedAt);
  return (
    <header className={styles.header}>
      <Button kind="quiet" aria-label={words.call.back} onClick={goBack}>
        <span aria-hidden="true">←</span>
      </Button>
      <h1 className={styles.title}>
        <CallLabel caller={record.caller_number} called={record.called_number} />
      </h1>
      <LevelBadge level={call.level} />
      <p className={styles.state}>
        {call.hasHungUp ? words.live.hungUp : words.statuses[call.status]}
        <span className={styles.clock}>{duration(end - Date.parse(record.started_at))}</span>
      </p>
    </header>
  );
}
