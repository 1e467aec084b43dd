/** The address bar as state, and links that do not reload the page. */
import { useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent } from "react";

const watchers = new Set<() => void>();

function subscribe(changed: () => void): () => void {
  watchers.add(changed);
  window.addEventListener("popstate", changed);
  window.addEventListener("hashchange", changed);
  return () => {
    watchers.delete(changed);
    window.removeEventListener("popstate", changed);
    window.removeEventListener("hashchange", changed);
  };
}

export function navigate(to: string, { replace = false } = {}): void {
  if (replace) window.history.replaceState(null, "", to);
  else window.history.pushState(null, "", to);
  for (const changed of watchers) changed();
}

export interface Place {
  path: string;
  query: URLSearchParams;
  /** Without the `#`. */
  hash: string;
}

export function usePlace(): Place {
  const href = useSyncExternalStore(subscribe, () => window.location.href);
  const url = new URL(href);
  return { path: url.pathname, query: url.searchParams, hash: url.hash.slice(1) };
}

function isPlainClick(event: MouseEvent): boolean {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}

/** To where one came from; to the live calls when this page was the first. */
export function goBack(): void {
  if (window.history.length > 1) window.history.back();
  else navigate("/", { replace: true });
}

type LinkProps = AnchorHTMLAttributes<HTMLAnchorElement> & {
  to: string;
  /** Leaves no step to go back to: for places within a page. */
  replace?: boolean;
  [data: `data-${string}`]: string | undefined;
};

export function Link({ to, replace = false, onClick, ...rest }: LinkProps) {
  return (
    <a
      href={to}
      onClick={(event) => {
        onClick?.(event);
        if (event.defaultPrevented || !isPlainClick(event)) return;
        event.preventDefault();
        navigate(to, { replace });
        if (!replace) window.scrollTo(0, 0);
      }}
      {...rest}
    />
  );
}
