import { useEffect, useRef } from "react";

import { Button } from "../../components/Button.tsx";
import { useWords } from "../../components/words.tsx";
import styles from "./FilterBar.module.css";
import { filtersAddress, isFiltered, LEVELS, readFilters, wholeNumber, type Filters } from "./filters.ts";

/** Typing rests so long before the search starts. */
const PAUSE_MS = 300;

export const SEARCH_FIELD = "history-words";

export function FilterBar({ filters, onChange }: { filters: Filters; onChange: (filters: Filters) => void }) {
  const words = useWords();
  const form = useRef<HTMLFormElement>(null);
  const pause = useRef<number>(undefined);
  useEffect(() => () => window.clearTimeout(pause.current), []);

  // The address may change by other means than these fields; what is being typed is left alone.
  const address = filtersAddress(filters);
  useEffect(() => {
    const asked = new URL(address, window.location.href).searchParams;
    for (const field of form.current?.querySelectorAll<HTMLInputElement | HTMLSelectElement>("[name]") ?? []) {
      if (field !== document.activeElement) field.value = asked.get(field.name) ?? "";
    }
  }, [address]);

  function apply(): void {
    window.clearTimeout(pause.current);
    if (form.current) onChange(readFilters(asQuery(new FormData(form.current))));
  }

  function clear(): void {
    window.clearTimeout(pause.current);
    onChange(readFilters(new URLSearchParams()));
  }

  const isUnfinished = filters.number !== "" && wholeNumber(filters.number) === null;
  return (
    <form
      ref={form}
      className={styles.bar}
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
      onChange={() => {
        window.clearTimeout(pause.current);
        pause.current = window.setTimeout(apply, PAUSE_MS);
      }}
    >
      <label className={styles.wide}>
        {words.history.text}
        <input id={SEARCH_FIELD} type="search" name="q" placeholder={words.history.textHelp} defaultValue={filters.q} />
      </label>
      <label>
        {words.history.number}
        <input
          type="tel"
          name="number"
          placeholder="+1 555 0111"
          defaultValue={filters.number}
          aria-invalid={isUnfinished}
          aria-describedby={isUnfinished ? "number-help" : undefined}
        />
        {isUnfinished && (
          <span id="number-help" className={styles.hint}>
            {words.history.numberHelp}
          </span>
        )}
      </label>
      <label>
        {words.history.level}
        <select name="level" defaultValue={filters.level}>
          <option value="">{words.history.anyLevel}</option>
          {LEVELS.map((level) => (
            <option key={level} value={level}>
              {words.levels[level]}
            </option>
          ))}
        </select>
      </label>
      <label>
        {words.history.since}
        <input type="date" name="since" defaultValue={filters.since} />
      </label>
      <label>
        {words.history.until}
        <input type="date" name="until" defaultValue={filters.until} />
      </label>
      {isFiltered(filters) && (
        <Button kind="quiet" onClick={clear}>
          {words.history.clear}
        </Button>
      )}
    </form>
  );
}

function asQuery(form: FormData): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of form) if (typeof value === "string") query.set(name, value);
  return query;
}
