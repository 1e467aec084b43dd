import { absolute, relative, useNow } from "./clock.ts";
import { useLocale } from "./words.tsx";

/** An instant as people say it; the exact one on hover. */
export function Since({ at }: { at: string }) {
  const locale = useLocale();
  const now = useNow();
  return (
    <time dateTime={at} title={absolute(at, locale)}>
      {relative(at, now, locale)}
    </time>
  );
}
