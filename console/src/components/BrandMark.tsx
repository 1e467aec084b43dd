import styles from "./BrandMark.module.css";

export function BrandMark({ size }: { size: number }) {
  return (
    <svg className={styles.mark} viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M24.6 11.2a10 10 0 1 1-4-4" />
      <circle cx="16" cy="16" r="3.4" />
    </svg>
  );
}
