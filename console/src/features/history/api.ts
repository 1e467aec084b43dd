import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";

import type { components } from "../../generated/api.ts";
import { getJson } from "../../live/http.ts";
import { serverQuery, type Filters } from "./filters.ts";

export type CallSummary = components["schemas"]["CallSummary"];
type Calls = components["schemas"]["Calls"];

const PAGE = 50;

/** Kept calls, newest first, page by page. */
export function useHistory(filters: Filters) {
  return useInfiniteQuery({
    queryKey: ["history", filters],
    queryFn: ({ pageParam, signal }) => getJson<Calls>(`/api/v1/calls?${serverQuery(filters, pageParam, PAGE)}`, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    staleTime: 0,
  });
}
