import { skipToken, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import type { components } from "../../generated/api.ts";
import { LIVE_CALLS, heardKey, recordKey, type Heard, type LiveCall } from "../../live/cache.ts";
import { getJson, post } from "../../live/http.ts";

export type CallDetail = components["schemas"]["CallDetail"];
export type FeedbackLabel = components["schemas"]["GiveFeedback"]["label"];

const callPath = (callSid: string) => `/api/v1/calls/${encodeURIComponent(callSid)}`;

export const audioPath = (callSid: string) => `${callPath(callSid)}/audio`;

/** The calls going on; undefined until the live line has told its first state. */
export function useLiveCalls(): readonly LiveCall[] | undefined {
  const { data } = useQuery<readonly LiveCall[]>({
    queryKey: LIVE_CALLS,
    queryFn: skipToken,
    staleTime: Infinity,
    gcTime: Infinity,
  });
  return data;
}

/** Whether a call is heard at present; true for one that is not live any more. */
export function useIsProtected(callSid: string): boolean {
  const { data } = useQuery<readonly LiveCall[], Error, boolean>({
    queryKey: LIVE_CALLS,
    queryFn: skipToken,
    staleTime: Infinity,
    gcTime: Infinity,
    select: (calls) => calls.find((call) => call.call_sid === callSid)?.is_protected ?? true,
  });
  return data ?? true;
}

/** What the store has of a call. The live line has it fetched again when something may have been missed. */
export function useRecord(callSid: string) {
  return useQuery({
    queryKey: recordKey(callSid),
    queryFn: ({ signal }) => getJson<CallDetail>(callPath(callSid), signal),
    staleTime: 0,
  });
}

export function useHeard(callSid: string): Heard | undefined {
  return useQuery<Heard>({ queryKey: heardKey(callSid), queryFn: skipToken, staleTime: Infinity }).data;
}

export function useFeedback(callSid: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (label: FeedbackLabel) => post(`${callPath(callSid)}/feedback`, { label }),
    onSuccess: () => client.invalidateQueries({ queryKey: recordKey(callSid) }),
  });
}
