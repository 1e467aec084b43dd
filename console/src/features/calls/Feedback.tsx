/** What a person says of the call afterwards. */
import { Button } from "../../components/Button.tsx";
import { useWords } from "../../components/words.tsx";
import { useFeedback, type CallDetail, type FeedbackLabel } from "./api.ts";
import styles from "./Feedback.module.css";

const LABELS: readonly FeedbackLabel[] = ["scam", "benign"];

export function Feedback({ callSid, given }: { callSid: string; given: CallDetail["feedback"] }) {
  const words = useWords();
  const feedback = useFeedback(callSid);
  const current = feedback.isPending ? feedback.variables : given.at(-1)?.label;
  return (
    <section className={styles.feedback} aria-labelledby="feedback">
      <div>
        <h2 id="feedback">{words.call.feedback.title}</h2>
        <p className={styles.lead} role="status">
          {feedback.isError
            ? words.call.feedback.failed
            : feedback.isSuccess
              ? words.call.feedback.saved
              : words.call.feedback.lead}
        </p>
      </div>
      <div className={styles.choices}>
        {LABELS.map((label) => (
          <Button
            key={label}
            aria-pressed={current === label}
            disabled={feedback.isPending}
            onClick={() => feedback.mutate(label)}
          >
            {words.call.feedback[label]}
          </Button>
        ))}
      </div>
    </section>
  );
}
