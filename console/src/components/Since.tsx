import { absolute, relative, useNow } from "./clock.ts";
import { useLocale } from "./words.tsx";

/** Minutes are told, not seconds; a long list would otherwise never rest. */
const RENEW_MS = 20_000;

/** An instant as people say it; the exact one on hover. */
export function Since({ at }: { at: string }) {
  const locale = useLocale();
  const now = useNow(true, RENEW_MS);
  return (
    <time dateTime={at} title={absolute(at, locale)}>
      {relative(at, now, locale)}
    </time>
  );
}
