/** The frame around every page: where one is, how many calls are in danger, and whether we still hear anything. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore, type ReactNode } from "react";

import { moveFocus, useKeys } from "../components/keys.ts";
import { goBack, Link, navigate, usePlace } from "../components/router.tsx";
import { useWords } from "../components/words.tsx";
import { ME, type Me } from "../features/session/api.ts";
import type { Alarm } from "../live/alarm.ts";
import type { LineState } from "../live/socket.ts";
import { useLine } from "../live/useLine.ts";
import { useDanger } from "./danger.ts";
import { Header } from "./Header.tsx";
import { HelpDialog } from "./HelpDialog.tsx";
import { HealthIcon, HistoryIcon, LiveIcon } from "./icons.tsx";
import { goSearch } from "./Search.tsx";
import styles from "./Shell.module.css";

interface ShellProps {
  me: Me;
  alarm: Alarm;
  /** Somebody signs out on purpose. */
  onLeave: () => void;
  /** The page, told how the live line is. */
  children: (line: LineState) => ReactNode;
}

export function Shell({ me, alarm, onLeave, children }: ShellProps) {
  const words = useWords();
  const client = useQueryClient();
  const { path } = usePlace();
  const [isHelpOpen, setHelpOpen] = useState(false);
  const danger = useDanger(alarm);
  const line = useLine({
    onMessage: danger.hear,
    onLost: () => void client.invalidateQueries({ queryKey: ME }),
  });
  const sound = useSyncExternalStore(alarm.watch, () => alarm.sound);

  useEffect(() => {
    window.addEventListener("click", alarm.touched);
    window.addEventListener("keydown", alarm.touched);
    return () => {
      window.removeEventListener("click", alarm.touched);
      window.removeEventListener("keydown", alarm.touched);
    };
  }, [alarm]);

  useKeys({
    j: () => moveFocus(1),
    k: () => moveFocus(-1),
    l: () => navigate("/"),
    h: () => navigate("/history"),
    "/": goSearch,
    "Mod+k": goSearch,
    m: sound === "on" ? alarm.turnOff : alarm.turnOn,
    Escape: () => {
      if (path.startsWith("/calls/")) goBack();
    },
    "?": () => setHelpOpen(true),
  });

  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#content">
        {words.skip}
      </a>
      <Header me={me} alarm={alarm} sound={sound} line={line} onHelp={() => setHelpOpen(true)} onLeave={onLeave} />
      <nav className={styles.nav} aria-label={words.nav.label}>
        <Link className={styles.entry} to="/" aria-current={path === "/" ? "page" : undefined}>
          <LiveIcon />
          {words.nav.live}
        </Link>
        <Link className={styles.entry} to="/history" aria-current={path === "/history" ? "page" : undefined}>
          <HistoryIcon />
          {words.nav.history}
        </Link>
        <Link className={styles.entry} to="/health-page" aria-current={path === "/health-page" ? "page" : undefined}>
          <HealthIcon />
          {words.nav.health}
        </Link>
      </nav>
      <main id="content" className={styles.content} tabIndex={-1}>
        {children(line)}
      </main>
      <p className={styles.announcement} role="alert" aria-live="assertive">
        {danger.announcement}
      </p>
      <HelpDialog isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
    </div>
  );
}
