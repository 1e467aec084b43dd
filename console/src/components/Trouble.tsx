import { HttpError } from "../live/http.ts";
import { Button } from "./Button.tsx";
import styles from "./Trouble.module.css";
import { useWords } from "./words.tsx";

/** What went wrong, and what helps. */
export function Trouble({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  const words = useWords();
  const status = error instanceof HttpError ? error.status : -1;
  const text = status === 0 ? words.errors.offline : status === 403 ? words.errors.forbidden : error.message;
  return (
    <div className={styles.trouble} role="alert">
      <strong>{words.errors.title}</strong>
      <p>{text}</p>
      {onRetry && <Button onClick={onRetry}>{words.errors.retry}</Button>}
    </div>
  );
}
