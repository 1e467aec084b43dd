import { keepPreviousData, useQuery } from "@tanstack/react-query";

import type { components } from "../../generated/api.ts";
import { getJson } from "../../live/http.ts";
import type { LineState } from "../../live/socket.ts";

type Schemas = components["schemas"];

export type Stats = Schemas["Stats"];

const LOOK_AGAIN_MS = 20_000;

/** Asked again whenever the live line comes or goes, too: both tell of the same server. */
function useCheck<T>(path: string, line: LineState) {
  return useQuery({
    queryKey: ["health", path, line],
    queryFn: ({ signal }) => getJson<T>(path, signal),
    placeholderData: keepPreviousData,
    refetchInterval: LOOK_AGAIN_MS,
    retry: false,
  });
}

export const useCarrierHealth = (line: LineState) => useCheck<Schemas["TwilioHealth"]>("/api/v1/twilio/health", line);
export const useReady = (line: LineState) => useCheck<Schemas["Ready"]>("/readyz", line);
export const useStats = (line: LineState) => useCheck<Stats>("/api/v1/stats", line);
