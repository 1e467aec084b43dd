/** Providers, and which page stands at which address. */
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";

import { Link, usePlace } from "../components/router.tsx";
import { Trouble } from "../components/Trouble.tsx";
import { TongueProvider, useWords, type Tongue } from "../components/words.tsx";
import { CallPage } from "../features/calls/CallPage.tsx";
import { LivePage } from "../features/calls/LivePage.tsx";
import { HealthPage } from "../features/health/HealthPage.tsx";
import { HistoryPage } from "../features/history/HistoryPage.tsx";
import { ME, useMe } from "../features/session/api.ts";
import { SIGN_IN, SignInPage } from "../features/session/SignInPage.tsx";
import type { Alarm } from "../live/alarm.ts";
import { HttpError } from "../live/http.ts";
import type { LineState } from "../live/socket.ts";
import { Shell } from "./Shell.tsx";

const RETRIES = 2;

function createClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError: (error, query) => {
        // The session ended: ask who we are, and the sign-in page follows from the answer.
        const isRefused = error instanceof HttpError && error.status === 401;
        if (isRefused && query.queryKey[0] !== ME[0]) void client.invalidateQueries({ queryKey: ME });
      },
    }),
    defaultOptions: {
      queries: { retry: (count, error) => count < RETRIES && !(error instanceof HttpError && isFinal(error.status)) },
    },
  });
  return client;
}

function isFinal(status: number): boolean {
  return status >= 400 && status < 500;
}

export function App({ tongue, alarm }: { tongue: Tongue; alarm: Alarm }) {
  const [client] = useState(createClient);
  return (
    <QueryClientProvider client={client}>
      <TongueProvider tongue={tongue}>
        <Door alarm={alarm} />
      </TongueProvider>
    </QueryClientProvider>
  );
}

/** Nobody gets further without a session. */
function Door({ alarm }: { alarm: Alarm }) {
  const { path } = usePlace();
  const me = useMe(path !== SIGN_IN);
  const [wasInside, setWasInside] = useState(false);
  if (me.data && !wasInside) setWasInside(true);

  // A link in the address is used even when somebody is signed in already: it may be another person's.
  if (path === SIGN_IN || me.data === null) return <SignInPage expired={wasInside && path !== SIGN_IN} />;
  if (me.error) return <Trouble error={me.error} onRetry={() => void me.refetch()} />;
  if (!me.data) return null;
  return (
    <Shell me={me.data} alarm={alarm} onLeave={() => setWasInside(false)}>
      {(line) => <Page path={path} line={line} />}
    </Shell>
  );
}

function Page({ path, line }: { path: string; line: LineState }): ReactNode {
  const words = useWords();
  if (path === "/") return <LivePage />;
  if (path === "/history") return <HistoryPage />;
  if (path === "/health-page") return <HealthPage line={line} />;
  const callSid = /^\/calls\/([^/]+)$/.exec(path)?.[1];
  if (callSid) return <CallPage key={callSid} callSid={decodeURIComponent(callSid)} />;
  return (
    <div>
      <h1>{words.notFound}</h1>
      <p>
        <Link to="/">{words.toLive}</Link>
      </p>
    </div>
  );
}
