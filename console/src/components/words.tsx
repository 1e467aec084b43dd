/** Which language the reader is spoken to in. */
import { createContext, useContext, type ReactNode } from "react";

import { en, type Words } from "./words.en.ts";
import { es } from "./words.es.ts";

const DICTIONARIES: Record<string, Words> = { en, es };

export interface Tongue {
  words: Words;
  /** BCP-47 tag for dates and numbers, as the browser prefers it. */
  locale: string;
}

/** The first of the reader's languages that we speak; English otherwise. */
export function chooseTongue(preferred: readonly string[]): Tongue {
  for (const locale of preferred) {
    const words = DICTIONARIES[locale.slice(0, 2).toLowerCase()];
    if (words) return { words, locale };
  }
  return { words: en, locale: "en" };
}

const TongueContext = createContext<Tongue>({ words: en, locale: "en" });

export function TongueProvider({ tongue, children }: { tongue: Tongue; children: ReactNode }) {
  return <TongueContext value={tongue}>{children}</TongueContext>;
}

export function useWords(): Words {
  return useContext(TongueContext).words;
}

export function useLocale(): string {
  return useContext(TongueContext).locale;
}
