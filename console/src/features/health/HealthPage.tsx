/** Whether calls are heard and people warned, and what helps where they are not. */
import { CommandLine } from "../../components/CommandLine.tsx";
import { LevelGlyph } from "../../components/Level.tsx";
import type { Level } from "../../components/risk.ts";
import { useLocale, useWords } from "../../components/words.tsx";
import type { LineState } from "../../live/socket.ts";
import { useCarrierHealth, useReady, useStats, type Stats } from "./api.ts";
import { checks, type Check } from "./checks.ts";
import styles from "./HealthPage.module.css";

const LEVELS: readonly Level[] = ["critical", "high", "medium", "low"];
const LOOK_CLOSER = "ringfence doctor";

export function HealthPage({ line }: { line: LineState }) {
  const words = useWords();
  const locale = useLocale();
  const ready = useReady(line);
  const carrier = useCarrierHealth(line);
  const stats = useStats(line);
  const all = checks(
    {
      ready,
      line,
      isCarrierConfigured: carrier.isError ? undefined : carrier.data?.twilio_configured,
      stats: stats.data,
    },
    words,
    locale,
  );
  return (
    <>
      <h1>{words.health.title}</h1>
      <ul className={styles.checks} aria-label={words.health.list}>
        {all.map((check) => (
          <CheckItem key={check.name} check={check} />
        ))}
      </ul>
      {all.some((check) => check.state === "bad") && (
        <section className={styles.doctor}>
          <p>{words.health.doctor}</p>
          <CommandLine command={LOOK_CLOSER} />
        </section>
      )}
      {stats.data && <Figures stats={stats.data} />}
    </>
  );
}

function CheckItem({ check }: { check: Check }) {
  const words = useWords();
  return (
    <li className={styles.check} data-state={check.state}>
      <StateGlyph check={check} />
      <h2>{words.health.checks[check.name].name}</h2>
      <div className={styles.says}>
        <p>{check.says}</p>
        {check.detail && <p lang="en">{check.detail}</p>}
        {check.remedy && <p>{check.remedy}</p>}
      </div>
    </li>
  );
}

/** Shape and colour together, as with the levels. */
function StateGlyph({ check: { state } }: { check: Check }) {
  const words = useWords();
  return (
    <svg className={styles.glyph} viewBox="0 0 16 16" width="16" height="16" role="img" aria-label={words.health.states[state]}>
      {state === "good" && <path d="m3 8.5 3.2 3.2L13 4.8" />}
      {state === "bad" && <path d="M8 2 15 14H1ZM8 6.5v3.2M8 11.8v.1" />}
      {state === "unknown" && <path d="M4 8h8" />}
    </svg>
  );
}

function Figures({ stats }: { stats: Stats }) {
  const words = useWords();
  const number = new Intl.NumberFormat(useLocale());
  const { scam_caught, scam_missed, benign_alarmed, benign_passed } = stats.feedback;
  const scams = scam_caught + scam_missed;
  const benign = benign_alarmed + benign_passed;
  const of = (part: number, whole: number) => words.health.of(number.format(part), number.format(whole));
  return (
    <div className={styles.figures}>
      <section aria-labelledby="calls-kept">
        <h2 id="calls-kept">{words.health.calls.title}</h2>
        <dl className={styles.numbers}>
          <Figure name={words.health.calls.live} value={number.format(stats.active_calls)} />
          <Figure name={words.health.calls.kept} value={number.format(stats.calls)} />
          {LEVELS.map((level) => (
            <Figure key={level} level={level} name={words.levels[level]} value={number.format(stats.calls_by_level[level])} />
          ))}
        </dl>
        {stats.calls_by_status.interrupted > 0 && (
          <p className={styles.quiet}>{words.health.calls.interrupted(stats.calls_by_status.interrupted)}</p>
        )}
      </section>
      <section aria-labelledby="said">
        <h2 id="said">{words.health.feedback.title}</h2>
        {scams + benign === 0 ? (
          <p className={styles.quiet}>{words.health.feedback.none}</p>
        ) : (
          <dl className={styles.numbers}>
            <Figure name={words.health.feedback.caught} value={of(scam_caught, scams)} />
            <Figure name={words.health.feedback.alarmed} value={of(benign_alarmed, benign)} />
          </dl>
        )}
        <p className={styles.quiet}>
          {words.call.detector} {stats.detector}
        </p>
      </section>
    </div>
  );
}

function Figure({ name, value, level }: { name: string; value: string; level?: Level }) {
  return (
    <div className={styles.figure}>
      <dt>
        {level && <LevelGlyph level={level} size={12} />}
        {name}
      </dt>
      <dd>{value}</dd>
    </div>
  );
}
