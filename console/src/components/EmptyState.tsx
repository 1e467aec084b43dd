import type { ReactNode } from "react";

import styles from "./EmptyState.module.css";

/** An empty page teaches the first step. */
export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <section className={styles.empty}>
      <h2 className={styles.title}>{title}</h2>
      {children}
    </section>
  );
}
