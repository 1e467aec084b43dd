/** The conversation: the clock in the margin, two lanes of words, and the risk running down the same axis. */
import { duration } from "../../components/clock.ts";
import { LevelGlyph } from "../../components/Level.tsx";
import { Link } from "../../components/router.tsx";
import { useWords } from "../../components/words.tsx";
import type { Conversation, Hole, Turn } from "./conversation.ts";
import { MarkedWords } from "./MarkedWords.tsx";
import styles from "./Transcript.module.css";

interface TranscriptProps {
  call: Conversation;
  language: string;
  /** The turn that the address points to. */
  target: string;
  /** Offset of the audio that is being played; null when none is. */
  playedMs: number | null;
  onSeek: ((ms: number) => void) | null;
}

export const turnId = (index: number) => `turn-${index}`;

export function Transcript({ call, language, target, playedMs, onSeek }: TranscriptProps) {
  const words = useWords();
  return (
    <section aria-labelledby="conversation" className={styles.transcript}>
      <h2 id="conversation" className={styles.title}>
        {words.call.transcript}
      </h2>
      <div className={styles.head} aria-hidden="true">
        <span>{words.call.clock}</span>
        <span>{words.parties.user}</span>
        <span>{words.parties.callee}</span>
        <span>{words.call.risk}</span>
      </div>
      <ol className={styles.turns} lang={language}>
        {call.rows.map((row) =>
          row.kind === "hole" ? (
            <HoleRow key={`hole-${row.start_ms}-${row.reason}`} hole={row} />
          ) : (
            <TurnRow
              key={row.index}
              turn={row}
              isTarget={target === turnId(row.index)}
              isPlayed={playedMs !== null && row.start_ms <= playedMs && playedMs < row.end_ms}
              onSeek={onSeek}
            />
          ),
        )}
        {call.partial.map(({ role, text }) => (
          <li key={`partial-${role}`} className={styles.row} data-role={role} data-partial="">
            <span className={styles.clock}>…</span>
            <p className={styles.words}>
              <span className={styles.who}>{words.parties[role]}: </span>
              {text}
              <span className={styles.who}> ({words.call.speaking})</span>
            </p>
            <Curve from={call.score} to={call.score} />
          </li>
        ))}
      </ol>
      {call.rows.length === 0 && call.partial.length === 0 && (
        <p className={styles.empty}>{call.isLive ? words.call.listening : words.call.silent}</p>
      )}
    </section>
  );
}

interface TurnRowProps {
  turn: Turn;
  isTarget: boolean;
  isPlayed: boolean;
  onSeek: ((ms: number) => void) | null;
}

function TurnRow({ turn, isTarget, isPlayed, onSeek }: TurnRowProps) {
  const words = useWords();
  const clock = duration(turn.start_ms);
  const id = turnId(turn.index);
  return (
    <li
      id={id}
      className={styles.row}
      data-role={turn.role}
      data-target={isTarget || undefined}
      data-played={isPlayed || undefined}
    >
      <Link
        className={styles.clock}
        to={`#${id}`}
        replace
        data-stop=""
        aria-label={words.call.linkTo(clock)}
        onClick={() => onSeek?.(turn.start_ms)}
      >
        {clock}
      </Link>
      <p className={styles.words}>
        <span className={styles.who}>{words.parties[turn.role]}: </span>
        <MarkedWords text={turn.text} evidence={turn.evidence} level={turn.evidenceLevel} />
      </p>
      <Curve from={turn.scoreBefore} to={turn.score} turn={turn} />
    </li>
  );
}

function HoleRow({ hole }: { hole: Hole }) {
  const words = useWords();
  const [reason = ""] = hole.reason.split(":");
  const why = words.call.gapReasons[reason];
  const from = duration(hole.start_ms);
  const where = hole.end_ms > hole.start_ms ? words.call.gap(from, duration(hole.end_ms)) : words.call.gapAt(from);
  return (
    <li className={styles.hole}>
      {where}
      {why && ` (${why})`}
    </li>
  );
}

/** One row's piece of the risk curve: from the score before the turn to the score after it. */
function Curve({ from, to, turn }: { from: number; to: number; turn?: Turn }) {
  const words = useWords();
  const line = `M${from} 0C${from} 50 ${to} 50 ${to} 100`;
  return (
    <div className={styles.curve}>
      <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
        <path className={styles.area} d={`${line}L0 100L0 0Z`} />
        <path className={styles.edge} d={line} vectorEffect="non-scaling-stroke" />
      </svg>
      {turn?.rose && (
        <span className={styles.tip} title={words.call.rose(words.levels[turn.level])}>
          <LevelGlyph level={turn.level} />
          <span>{turn.score}</span>
        </span>
      )}
      {turn && <span className={styles.who}>{words.call.riskAt(turn.score)}</span>}
    </div>
  );
}
