/** The way in: by a link that works once, or by an API key. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type SyntheticEvent } from "react";

import { BrandMark } from "../../components/BrandMark.tsx";
import { Button } from "../../components/Button.tsx";
import { CommandLine } from "../../components/CommandLine.tsx";
import { navigate, usePlace } from "../../components/router.tsx";
import { Trouble } from "../../components/Trouble.tsx";
import { useWords } from "../../components/words.tsx";
import { HttpError } from "../../live/http.ts";
import { ME, signInByKey, signInByLink } from "./api.ts";
import styles from "./SignInPage.module.css";

export const SIGN_IN = "/sign-in";

const NEW_LINK = "ringfence link";

export function SignInPage({ expired }: { expired: boolean }) {
  const words = useWords();
  const client = useQueryClient();
  const place = usePlace();
  const [key, setKey] = useState("");

  async function enter(): Promise<void> {
    await client.invalidateQueries({ queryKey: ME });
    if (window.location.pathname === SIGN_IN) navigate("/", { replace: true });
  }

  const byLink = useMutation({ mutationFn: signInByLink, onSuccess: enter });
  const byKey = useMutation({ mutationFn: signInByKey, onSuccess: enter });

  const { mutate: redeem } = byLink;
  useEffect(() => {
    const token = tokenInAddress();
    if (!token) return;
    // The token works once; out of the address bar it is in no history, bookmark or screenshot either.
    navigate(SIGN_IN, { replace: true });
    redeem(token);
  }, [place.hash, redeem]);

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    byLink.reset();
    byKey.mutate(key.trim());
  }

  const isWorking = byLink.isPending || byLink.isSuccess || byKey.isPending;
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <p className={styles.brand}>
          <BrandMark size={28} />
          {words.product}
        </p>
        <h1>{words.signIn.title}</h1>
        {isWorking ? (
          <p role="status">{words.signIn.working}</p>
        ) : (
          <>
            <p className={styles.lead}>{expired ? words.signIn.expired : words.signIn.lead}</p>
            {byLink.error && <Refusal error={byLink.error} unknown={`${words.signIn.badLink} ${words.signIn.newLink}`} />}
            <form className={styles.form} onSubmit={submit}>
              <label className={styles.label}>
                {words.signIn.key}
                <input
                  className={styles.input}
                  type="password"
                  autoComplete="current-password"
                  spellCheck={false}
                  required
                  autoFocus
                  value={key}
                  onChange={(event) => setKey(event.target.value)}
                />
              </label>
              {byKey.error && <Refusal error={byKey.error} unknown={words.signIn.badKey} />}
              <Button kind="primary" type="submit">
                {words.signIn.submit}
              </Button>
            </form>
            <div className={styles.help}>
              <p>{words.signIn.linkHelp}</p>
              <CommandLine command={NEW_LINK} />
            </div>
          </>
        )}
      </div>
    </main>
  );
}

function tokenInAddress(): string | null {
  const { pathname, hash } = window.location;
  return pathname === SIGN_IN ? new URLSearchParams(hash.slice(1)).get("token") : null;
}

function Refusal({ error, unknown }: { error: Error; unknown: string }) {
  const words = useWords();
  const status = error instanceof HttpError ? error.status : -1;
  if (status !== 401 && status !== 422 && status !== 429) return <Trouble error={error} />;
  return (
    <p className={styles.refusal} role="alert">
      {status === 429 ? words.signIn.tooMany : unknown}
    </p>
  );
}
