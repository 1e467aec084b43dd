import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { BrandMark } from "../components/BrandMark.tsx";
import { Button } from "../components/Button.tsx";
import { LevelGlyph } from "../components/Level.tsx";
import { isDanger, rank, type Level } from "../components/risk.ts";
import { Link, navigate } from "../components/router.tsx";
import { useWords } from "../components/words.tsx";
import { useLiveCalls } from "../features/calls/api.ts";
import { useCarrierHealth } from "../features/health/api.ts";
import { ME, signOut, type Me } from "../features/session/api.ts";
import type { Alarm, Sound } from "../live/alarm.ts";
import type { LineState } from "../live/socket.ts";
import styles from "./Header.module.css";
import { BellIcon, BellOffIcon, HelpIcon, SignOutIcon } from "./icons.tsx";
import { Search } from "./Search.tsx";

interface HeaderProps {
  me: Me;
  alarm: Alarm;
  sound: Sound;
  line: LineState;
  onHelp: () => void;
  onLeave: () => void;
}

export function Header({ me, alarm, sound, line, onHelp, onLeave }: HeaderProps) {
  const words = useWords();
  const client = useQueryClient();
  const leaving = useMutation({
    mutationFn: signOut,
    onSuccess: () => {
      onLeave();
      // Nothing of what was seen stays behind for the next person at this screen.
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== ME[0] });
      client.setQueryData(ME, null);
      navigate("/", { replace: true });
    },
  });
  return (
    <header className={styles.header}>
      <Link className={styles.brand} to="/">
        <BrandMark size={24} />
        {words.product}
      </Link>
      <Search />
      <Counts />
      <Health line={line} />
      <SoundSwitch alarm={alarm} sound={sound} />
      <span className={styles.user}>
        {me.name} <span className={styles.role}>{words.header.roles[me.role] ?? me.role}</span>
      </span>
      <Button kind="quiet" aria-label={words.header.help} title={words.header.help} onClick={onHelp}>
        <HelpIcon />
      </Button>
      <Button
        kind="quiet"
        aria-label={words.header.signOut}
        title={words.header.signOut}
        disabled={leaving.isPending}
        onClick={() => leaving.mutate()}
      >
        <SignOutIcon />
      </Button>
    </header>
  );
}

function Counts() {
  const words = useWords();
  const live = (useLiveCalls() ?? []).filter((call) => call.ended_at === null);
  const dangers = live.filter((call) => isDanger(call.current_risk_level));
  const worst = dangers.reduce<Level>(
    (level, call) => (rank(call.current_risk_level) > rank(level) ? call.current_risk_level : level),
    "low",
  );
  const count = dangers.length;
  useEffect(() => {
    document.title = count > 0 ? `(${count}) ${words.product}` : words.product;
  }, [count, words]);
  return (
    <p className={styles.counts}>
      <span>{words.header.live(live.length)}</span>
      {count > 0 && (
        <strong className={styles.danger} data-level={worst}>
          <LevelGlyph level={worst} size={12} /> {words.header.danger(count)}
        </strong>
      )}
    </p>
  );
}

function Health({ line }: { line: LineState }) {
  const words = useWords();
  const health = useCarrierHealth(line);
  const state = health.isError
    ? "down"
    : line === "waiting"
      ? "reconnecting"
      : health.data?.twilio_configured === false
        ? "carrierMissing"
        : "ok";
  return (
    <p className={styles.health} data-state={state} role="status">
      <Link className={styles.toHealth} to="/health-page" title={words.header.healthWhy[state]}>
        <svg viewBox="0 0 12 12" width="10" height="10" aria-hidden="true">
          {state === "ok" ? <circle cx="6" cy="6" r="5" /> : <path d="M6 .8 11.6 11H.4Z" />}
        </svg>
        <span>{words.header.health[state]}</span>
      </Link>
    </p>
  );
}

function SoundSwitch({ alarm, sound }: { alarm: Alarm; sound: Sound }) {
  const words = useWords();
  if (sound === "blocked") {
    return (
      // A key of its own: the browser may lift the block between press and release, which must not mute then.
      <Button key="blocked" kind="primary" title={words.header.blocked} onClick={alarm.turnOn}>
        <BellIcon />
        {words.header.turnSoundOn}
      </Button>
    );
  }
  const isOn = sound === "on";
  return (
    <Button
      key="switch"
      kind="quiet"
      aria-pressed={!isOn}
      aria-label={isOn ? words.header.mute : words.header.unmute}
      title={isOn ? words.header.mute : words.header.unmute}
      onClick={isOn ? alarm.turnOff : alarm.turnOn}
    >
      {isOn ? <BellIcon /> : <BellOffIcon />}
      <span className={styles.soundWord}>{isOn ? words.header.soundOn : words.header.soundOff}</span>
    </Button>
  );
}
