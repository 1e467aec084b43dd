import { useEffect, useRef } from "react";

import { Button } from "../components/Button.tsx";
import { useWords } from "../components/words.tsx";
import type { Words } from "../components/words.en.ts";
import styles from "./HelpDialog.module.css";
import { SEARCH_KEYS } from "./Search.tsx";

const KEYS: readonly (readonly [keyof Words["help"]["keys"], ...string[]])[] = [
  ["next", "j"],
  ["previous", "k"],
  ["open", "Enter"],
  ["back", "Esc"],
  ["live", "l"],
  ["history", "h"],
  ["search", "/", SEARCH_KEYS],
  ["sound", "m"],
  ["help", "?"],
];

export function HelpDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const words = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={dialog} className={styles.dialog} aria-labelledby="help" onClose={onClose}>
      <h2 id="help" className={styles.title}>
        {words.help.title}
      </h2>
      <dl className={styles.keys}>
        {KEYS.map(([name, ...keys]) => (
          <div key={name} className={styles.key}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{words.help.keys[name]}</dd>
          </div>
        ))}
      </dl>
      <Button onClick={onClose}>{words.help.close}</Button>
    </dialog>
  );
}
