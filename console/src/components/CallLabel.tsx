import styles from "./CallLabel.module.css";
import { formatNumber } from "./phone.ts";

/** Who calls whom. */
export function CallLabel({ caller, called }: { caller: string; called: string }) {
  return (
    <span className={styles.label}>
      <span className={styles.caller}>{formatNumber(caller)}</span>
      <span className={styles.called}>→ {formatNumber(called)}</span>
    </span>
  );
}
