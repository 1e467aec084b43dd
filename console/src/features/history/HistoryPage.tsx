/** Every kept call, newest first, and the means to find one. */
import { Button } from "../../components/Button.tsx";
import { CallLabel } from "../../components/CallLabel.tsx";
import { duration } from "../../components/clock.ts";
import { CommandLine } from "../../components/CommandLine.tsx";
import { EmptyState } from "../../components/EmptyState.tsx";
import { LevelBadge } from "../../components/Level.tsx";
import { Link, navigate, usePlace } from "../../components/router.tsx";
import { Since } from "../../components/Since.tsx";
import { Trouble } from "../../components/Trouble.tsx";
import { useWords } from "../../components/words.tsx";
import { useHistory, type CallSummary } from "./api.ts";
import { FilterBar } from "./FilterBar.tsx";
import { filtersAddress, isFiltered, readFilters } from "./filters.ts";
import styles from "./HistoryPage.module.css";

const FIRST_CALL = "ringfence call bank-impersonation";

export function HistoryPage() {
  const words = useWords();
  const { query } = usePlace();
  const filters = readFilters(query);
  const history = useHistory(filters);
  const calls = history.data?.pages.flatMap((page) => page.calls) ?? [];

  return (
    <>
      <h1>{words.history.title}</h1>
      <FilterBar filters={filters} onChange={(next) => navigate(filtersAddress(next), { replace: true })} />
      {history.error && <Trouble error={history.error} onRetry={() => void history.refetch()} />}
      {history.isPending && <p role="status">{words.loading}</p>}
      {history.isSuccess && calls.length === 0 && (
        <>
          {isFiltered(filters) ? (
            <EmptyState title={words.history.noMatch} />
          ) : (
            <EmptyState title={words.history.none}>
              <p>{words.history.noneLead}</p>
              <CommandLine command={FIRST_CALL} />
            </EmptyState>
          )}
        </>
      )}
      {calls.length > 0 && (
        <div className={styles.table} data-stale={history.isPlaceholderData || undefined}>
          <div className={styles.head} aria-hidden="true">
            <span>{words.history.columns.level}</span>
            <span>{words.history.columns.call}</span>
            <span>{words.history.columns.when}</span>
            <span className={styles.right}>{words.history.columns.time}</span>
            <span>{words.history.columns.words}</span>
            <span className={styles.right}>{words.history.columns.score}</span>
          </div>
          <ol aria-label={words.history.list}>
            {calls.map((call) => (
              <li key={call.call_sid}>
                <Line call={call} />
              </li>
            ))}
          </ol>
        </div>
      )}
      {history.hasNextPage && (
        <div className={styles.more}>
          <Button onClick={() => void history.fetchNextPage()} disabled={history.isFetchingNextPage}>
            {words.history.more}
          </Button>
        </div>
      )}
    </>
  );
}

function Line({ call }: { call: CallSummary }) {
  const words = useWords();
  const isEnded = call.status === "ended";
  return (
    <Link className={styles.line} to={`/calls/${encodeURIComponent(call.call_sid)}`} data-stop="">
      <span className={styles.level}>
        <LevelBadge level={call.risk_level} />
      </span>
      <CallLabel caller={call.caller_number} called={call.called_number} />
      <span className={styles.when}>
        <Since at={call.started_at} />
      </span>
      <span className={styles.number}>
        {call.ended_at ? duration(Date.parse(call.ended_at) - Date.parse(call.started_at)) : "–"}
      </span>
      <span className={styles.words}>
        {!isEnded && <span className={styles.chip}>{words.statuses[call.status]}</span>}
        {call.feedback && <span className={styles.chip}>{words.history.feedback[call.feedback]}</span>}
        {call.last_words && (
          <q className={styles.quote} lang={call.language}>
            {call.last_words}
          </q>
        )}
      </span>
      <span className={styles.score} title={words.score(call.score)}>
        {call.score}
      </span>
    </Link>
  );
}
