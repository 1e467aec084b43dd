/** An utterance with its evidence underlined in the level's colour; the tactic beside it, the reason on hover or focus. */
import { Fragment, useId } from "react";

import type { Level } from "../../components/risk.ts";
import type { Evidence } from "../../live/messages.ts";
import { markWords } from "./marks.ts";
import styles from "./MarkedWords.module.css";

interface MarkedWordsProps {
  text: string;
  evidence: readonly Evidence[];
  level: Level;
}

export function MarkedWords({ text, evidence, level }: MarkedWordsProps) {
  return markWords(text, evidence).map((stretch, place) =>
    stretch.evidence.length === 0 ? (
      <span key={place}>{stretch.text}</span>
    ) : (
      <Marked key={place} text={stretch.text} evidence={stretch.evidence} level={level} />
    ),
  );
}

function Marked({ text, evidence, level }: MarkedWordsProps) {
  const id = useId();
  const labels = [...new Set(evidence.map((piece) => piece.label))];
  const reasons = [...new Set(evidence.map((piece) => piece.why).filter(Boolean))];
  return (
    <span className={styles.marked} tabIndex={0} aria-describedby={reasons.length > 0 ? id : undefined}>
      <mark className={styles.mark} data-level={level}>
        {text}
      </mark>
      {labels.map((label) => (
        <Fragment key={label}>
          {" "}
          <span className={styles.tag} data-level={level}>
            {label}
          </span>
        </Fragment>
      ))}
      {reasons.length > 0 && (
        <span className={styles.why} role="tooltip" id={id}>
          {reasons.join(" ")}
        </span>
      )}
    </span>
  );
}
