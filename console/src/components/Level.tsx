/** A level of risk is told three times over: by colour, by shape and by its word. */
import styles from "./Level.module.css";
import type { Level } from "./risk.ts";
import { useWords } from "./words.tsx";

const SHAPES: Record<Level, string> = {
  low: "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 0 1 0-11Zm0 2a3.5 3.5 0 1 0 0 7a3.5 3.5 0 0 0 0-7Z",
  medium: "M8 1.6 15.2 14.2H.8Z",
  high: "M3.2 2h9.6A1.2 1.2 0 0 1 14 3.2v9.6a1.2 1.2 0 0 1-1.2 1.2H3.2A1.2 1.2 0 0 1 2 12.8V3.2A1.2 1.2 0 0 1 3.2 2Z",
  critical: "M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1Z",
};

export function LevelGlyph({ level, size = 14 }: { level: Level; size?: number }) {
  return (
    <svg
      className={styles.glyph}
      data-level={level}
      data-glyph={level}
      viewBox="0 0 16 16"
      width={size}
      height={size}
      aria-hidden="true"
    >
      <path d={SHAPES[level]} fillRule="evenodd" />
    </svg>
  );
}

export function LevelBadge({ level, loud = false }: { level: Level; loud?: boolean }) {
  const words = useWords();
  return (
    <span className={styles.badge} data-level={level} data-loud={loud || undefined}>
      <LevelGlyph level={level} />
      <span>{words.levels[level]}</span>
    </span>
  );
}
