/** What we hold of the call, and why: the level, the sentence, the evidence, and what limits it. */
import { duration } from "../../components/clock.ts";
import { LevelGlyph } from "../../components/Level.tsx";
import { Link } from "../../components/router.tsx";
import { Since } from "../../components/Since.tsx";
import { useWords } from "../../components/words.tsx";
import type { CallDetail } from "./api.ts";
import type { Conversation, Finding } from "./conversation.ts";
import styles from "./Judgement.module.css";
import { turnId } from "./Transcript.tsx";

/** Of one tactic, so many quotes are shown. */
const MOST_QUOTES = 3;
const ANALYST = "analyst:";
/** Notes that the advice says in the call's own language. */
const TOLD_IN_ADVICE: ReadonlySet<string> = new Set(["analyst_unavailable", "no_speech"]);

export function Judgement({ call, record }: { call: Conversation; record: CallDetail }) {
  const words = useWords();
  const { language } = record;
  const { latest } = call;
  const notes = call.notes
    .filter((code) => !TOLD_IN_ADVICE.has(code))
    .map((code) => words.call.notes[code] ?? code.replaceAll("_", " "));
  return (
    <aside className={styles.rail}>
      <section className={styles.verdict} data-level={call.level} aria-labelledby="verdict">
        <header className={styles.banner}>
          <LevelGlyph level={call.level} size={26} />
          <div>
            <p className={styles.kind}>
              {latest?.final ? words.call.verdict : words.call.soFar}
              {latest?.uncertain && <span title={words.uncertainWhy}> · {words.uncertain}</span>}
            </p>
            <h2 id="verdict" className={styles.word}>
              {latest ? words.levels[call.level] : words.call.nothingYet}
            </h2>
          </div>
          {latest && (
            <span className={styles.score} title={words.score(call.score)}>
              {call.score}
            </span>
          )}
        </header>
        <div className={styles.body}>
          {call.advice.map((line, place) => (
            <p key={place} lang={language}>
              {line}
            </p>
          ))}
          {!latest && <p>{words.call.nothingYetLead}</p>}
          {call.paused && (
            <p className={styles.note} role="status">
              <strong>{words.call.paused}</strong>
            </p>
          )}
          {notes.map((note) => (
            <p key={note} className={styles.note}>
              {note}
            </p>
          ))}
        </div>
      </section>

      <section aria-labelledby="evidence">
        <h2 id="evidence" className={styles.heading}>
          {words.call.evidence}
        </h2>
        {call.findings.length === 0 ? (
          <p className={styles.none}>{call.isLive ? words.call.noEvidenceYet : words.call.noEvidence}</p>
        ) : (
          <ul className={styles.findings} lang={language}>
            {call.findings.map((finding) => (
              <FindingItem key={finding.tactic} finding={finding} />
            ))}
          </ul>
        )}
      </section>

      <Facts record={record} latest={latest} />
    </aside>
  );
}

function FindingItem({ finding }: { finding: Finding }) {
  const words = useWords();
  return (
    <li className={styles.finding}>
      <div className={styles.tactic}>
        <h3 className={styles.label}>{finding.label}</h3>
        {finding.sinceMs !== null && (
          <span className={styles.since}>
            {words.call.since} {duration(finding.sinceMs)}
          </span>
        )}
      </div>
      <ul>
        {finding.shown.slice(0, MOST_QUOTES).map(({ text, index }) => (
          <li key={`${index} ${text}`}>
            {index >= 0 ? (
              <Link className={styles.quote} to={`#${turnId(index)}`} replace>
                <q>{text}</q>
              </Link>
            ) : (
              <q className={styles.quote}>{text}</q>
            )}
          </li>
        ))}
      </ul>
      {finding.why && <p className={styles.why}>{finding.why}</p>}
    </li>
  );
}

function Facts({ record, latest }: { record: CallDetail; latest: Conversation["latest"] }) {
  const words = useWords();
  const attestation = words.attestations[record.attestation];
  return (
    <ul className={styles.facts}>
      <li>
        {words.call.started} <Since at={record.started_at} />
      </li>
      <li className={styles.explained} title={attestation.long}>
        {attestation.short}
      </li>
      {latest && (
        <li>
          {words.call.detector} {latest.detector}
        </li>
      )}
      {latest?.source.startsWith(ANALYST) && (
        <li>
          {words.call.analyst} {latest.source.slice(ANALYST.length)}
        </li>
      )}
    </ul>
  );
}
