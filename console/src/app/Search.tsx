/** One field for the whole console: a number or words, looked for in the history. */
import { useState, type SyntheticEvent } from "react";

import { navigate } from "../components/router.tsx";
import { useWords } from "../components/words.tsx";
import { SEARCH_FIELD } from "../features/history/FilterBar.tsx";
import { searchAddress } from "../features/history/filters.ts";
import styles from "./Search.module.css";

const EVERYWHERE = "search";
/** As in Search.module.css. */
const HAS_ROOM = "(min-width: 901px)";

/** As it stands on the reader's own keyboard. */
export const SEARCH_KEYS = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘K" : "Ctrl K";

export function Search() {
  const words = useWords();
  const [text, setText] = useState("");

  function find(event: SyntheticEvent): void {
    event.preventDefault();
    if (!text.trim()) return;
    navigate(searchAddress(text));
    setText("");
    document.getElementById(EVERYWHERE)?.blur();
  }

  return (
    <form className={styles.search} role="search" onSubmit={find}>
      <input
        id={EVERYWHERE}
        type="search"
        className={styles.field}
        aria-label={words.header.search}
        placeholder={words.header.searchFor}
        autoComplete="off"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
      <kbd className={styles.keys} aria-hidden="true">
        {SEARCH_KEYS}
      </kbd>
    </form>
  );
}

/** To the field; on a screen too narrow for it, to the history's own. */
export function goSearch(): void {
  const field = document.getElementById(EVERYWHERE);
  if (field && window.matchMedia(HAS_ROOM).matches) {
    field.focus();
    return;
  }
  navigate("/history");
  window.requestAnimationFrame(() => document.getElementById(SEARCH_FIELD)?.focus());
}
