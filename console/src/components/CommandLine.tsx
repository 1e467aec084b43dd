import { useState } from "react";

import { Button } from "./Button.tsx";
import styles from "./CommandLine.module.css";
import { useWords } from "./words.tsx";

/** A command for the reader's terminal, ready to be copied. */
export function CommandLine({ command }: { command: string }) {
  const words = useWords();
  const [copied, setCopied] = useState(false);
  // Only pages with a secure origin (https, or this machine) may write to the clipboard.
  const canCopy = window.isSecureContext;
  return (
    <div className={styles.line}>
      <code className={styles.command}>{command}</code>
      {canCopy && (
        <Button
          kind="quiet"
          onClick={() => void navigator.clipboard.writeText(command).then(() => setCopied(true))}
          onBlur={() => setCopied(false)}
        >
          {copied ? words.copied : words.copy}
        </Button>
      )}
    </div>
  );
}
