import { useQuery } from "@tanstack/react-query";

import type { components } from "../../generated/api.ts";
import { getJson, HttpError, post, remove } from "../../live/http.ts";

export type Me = components["schemas"]["Me"];

export const ME = ["me"] as const;

/** Who is signed in; null when nobody is. Not asked while `enabled` is false. */
export function useMe(enabled: boolean) {
  return useQuery({
    queryKey: ME,
    enabled,
    queryFn: async ({ signal }): Promise<Me | null> => {
      try {
        return await getJson<Me>("/api/v1/auth/me", signal);
      } catch (error) {
        if (error instanceof HttpError && error.status === 401) return null;
        throw error;
      }
    },
    staleTime: 60_000,
  });
}

export const signInByLink = (token: string) => post("/api/v1/auth/link", { token });
export const signInByKey = (key: string) => post("/api/v1/auth/session", { key });
export const signOut = () => remove("/api/v1/auth/session");
