"""The console in a real Chromium, on a real server process, with a call that comes in through the carrier's door.

Everything the browser complains about fails the test: errors in its console, scripts that fail, and breaches of the
content security policy.
"""

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    WebSocketRoute,
    expect,
    sync_playwright,
)

from ringfence.privacy.secrets import load_secrets
from ringfence.testing.network import SimulatedCall, SimulatedCarrier
from ringfence.testing.script import load_script
from ringfence.testing.server import ServerProcess, running_server
from ringfence.web.console_files import FOLDER

pytestmark = pytest.mark.e2e

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SPEED = 2.0
SPOKEN_S = 48.5  # up to the demand for money; the server allows no socket much more than twice the pace of a telephone
PATIENCE_MS = 20_000
SHOWN_WITHIN_MS = 1_000
MANY_CALLS = 300
FLOOD_MESSAGES = 3_000
CLOCK_TICKS = 20
SIGNALS = {
    "medium": ({"hz": 600, "ms": 500}, [200, 100, 200], False),
    "high": ({"hz": 800, "ms": 1000}, None, False),
    "critical": ({"hz": 800, "ms": 1000}, [200, 100, 200, 100, 200], True),
}
"""Tone, vibration, and whether the notification stays (the public contract on what a danger feels like)."""

EARS = """
window.felt = {tones: [], vibrations: [], notices: [], breaches: [], shownAt: {}};
document.addEventListener("securitypolicyviolation", (event) => felt.breaches.push(event.violatedDirective));
// Whoever drives a browser from outside counts as touching the page; a person finds it silent at first.
window.AudioContext = class extends AudioContext { constructor() { super(); this.suspend(); } };
const {start, stop} = OscillatorNode.prototype;
OscillatorNode.prototype.start = function (at) { this.startedAt = at; return start.call(this, at); };
OscillatorNode.prototype.stop = function (at) {
  felt.tones.push({hz: this.frequency.value, ms: Math.round((at - this.startedAt) * 1000)});
  return stop.call(this, at);
};
Navigator.prototype.vibrate = (pattern) => felt.vibrations.push(pattern);
window.Notification = class {
  static permission = "granted";
  constructor(title, options) { felt.notices.push({title, stays: options.requireInteraction}); }
  close() {}
};
new MutationObserver(() => {
  for (const turn of document.querySelectorAll("[id^=turn-]")) felt.shownAt[turn.id] ??= Date.now();
}).observe(document, {childList: true, subtree: true});
"""


@dataclass
class Window:
    """One browser of one person."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def felt(self, sense: str) -> Any:
        return self.page.evaluate(f"felt.{sense}")

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)


@dataclass
class House:
    """A server in demonstration, the browser, and the call that one of the tests places."""

    server: ServerProcess
    browser: Browser
    key: str

    def let_in(self, window: Window, *, name: str = "Ana") -> Page:
        window.open(self.link(name=name))
        expect(window.page.get_by_role("heading", name="Live calls")).to_be_visible()
        return window.page

    def link(self, *, name: str = "Ana") -> str:
        """The path of a fresh sign-in link."""
        link = self.server.command("link", "--name", name, "--role", "operator")
        return link[link.index("/sign-in") :]

    @contextmanager
    def window(self, *, allowed: str = "(?!)", **options: Any) -> Iterator[Window]:
        """Complaints of the browser that match `allowed` belong to the test; any other fails it."""
        context: BrowserContext = self.browser.new_context(locale="en-US", **options)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(EARS)
        window = Window(context.new_page(), self.server.url)

        def complain(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                window.complaints.append(f"{message.text} ({message.location.get('url', '')})")

        window.page.on("console", complain)
        window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
        try:
            yield window
            assert window.felt("breaches") == []
            assert [text for text in window.complaints if not re.search(allowed, text)] == []
        finally:
            context.close()

    def get(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.get(self.server.url + path, headers=headers, trust_env=False).raise_for_status().json()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    assert (FOLDER / "index.html").is_file(), "the console is not built: run `make console`"
    found = [path for name in BROWSERS if (path := shutil.which(name))]
    assert found, f"no browser: install one of {', '.join(BROWSERS)} (apt-get install chromium)"
    with (
        running_server(
            tmp_path_factory.mktemp("house"),
            command=("demo", "--no-calls"),
            settings={"RINGFENCE_KEEP_AUDIO": "on"},
        ) as server,
        sync_playwright() as playwright,
    ):
        expect.set_options(timeout=PATIENCE_MS)
        browser = playwright.chromium.launch(executable_path=found[0], args=BROWSER_OPTIONS)
        yield House(server, browser, server.new_key())
        browser.close()


@contextmanager
def placed_call(server: ServerProcess, *, spoken_s: float = SPOKEN_S) -> Iterator["Future[str]"]:
    """A call from the simulated network, spoken in another thread; its result is the carrier's id of it."""
    script = load_script("familiar-en-apuros")
    size = int(spoken_s * 8_000)
    call = SimulatedCall.from_script(script, speed=SPEED)
    call = replace(call, caller=call.caller[:size], called=call.called[:size])
    token = load_secrets(server.home).demo_carrier_token

    async def carry() -> str:
        async with SimulatedCarrier(server.url, token) as carrier:
            placed = await carrier.place(call)
            await placed.finished()
            assert not placed.problem
            return placed.sid

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(asyncio.run, carry())


@dataclass
class Heard:
    """A call that was watched from its first ring, and how the browser behaved."""

    sid: str
    record: dict[str, Any]
    felt: dict[str, Any]
    words: list[tuple[str, str]]
    """Who spoke and what, as the page showed it at the end of the call."""
    banner: str


@pytest.fixture(scope="module")
def heard(house: House) -> Heard:
    """One call, watched as an operator would: from the empty list, through its row, to its verdict."""
    with house.window() as window:
        page = house.let_in(window)
        expect(page.get_by_text("No call at the moment")).to_be_visible()
        page.get_by_role("button", name="Turn sound on").click()
        expect(page.get_by_role("button", name="Mute the danger sounds")).to_be_visible()
        with placed_call(house.server) as call:
            row = page.get_by_role("list", name="Live calls").get_by_role("link")
            expect(row).to_contain_text("+56 9 0000 0113")
            expect(row.locator("q")).to_contain_text("Soy yo, tu nieto")
            row.click()
            expect(page.locator("[data-partial]").first).to_be_visible()
            expect(page.locator("mark").first).to_be_visible()
            expect(page.get_by_text("Verdict")).to_be_visible(timeout=60_000)
            sid = call.result()
        words = [
            (item.get_attribute("data-role") or "", item.locator("p").inner_text())
            for item in page.locator("li[data-role]").all()
        ]
        banner = page.get_by_role("complementary").locator("header").inner_text()
        felt = page.evaluate("felt")
    return Heard(sid, house.get(f"/api/v1/calls/{sid}"), felt, words, banner)


def test_the_page_shows_the_words_that_were_kept_each_once(heard: Heard) -> None:
    kept = [(turn["role"], turn["text"]) for turn in heard.record["transcript"]]
    assert len(kept) >= 8
    assert len(heard.words) == len(kept)
    for (role, shown), (kept_role, text) in zip(heard.words, kept, strict=True):
        assert role == kept_role
        # Tags and reasons stand between the words; without them, and without the speaker, it is the text.
        assert all(word in shown for word in text.split())


def test_every_utterance_is_on_the_screen_within_a_second(heard: Heard) -> None:
    delays_ms = [
        heard.felt["shownAt"][f"turn-{turn['index']}"]
        - datetime.fromisoformat(turn["at"]).timestamp() * 1_000
        for turn in heard.record["transcript"]
        # The page of the call was opened after the first words; those were in its record.
        if turn["index"] >= 2
    ]
    assert len(delays_ms) >= 6
    assert max(delays_ms) < SHOWN_WITHIN_MS


def test_each_rise_of_the_danger_is_heard_felt_and_shown_once(heard: Heard) -> None:
    order = list(SIGNALS)
    levels = [each["risk_level"] for each in heard.record["assessments"] if each["risk_level"] in SIGNALS]
    rises = [
        level
        for at, level in enumerate(levels)
        if all(order.index(level) > order.index(e) for e in levels[:at])
    ]
    assert set(rises) & {"high", "critical"}
    assert heard.felt["tones"] == [SIGNALS[level][0] for level in rises]
    assert heard.felt["vibrations"] == [SIGNALS[level][1] for level in rises if SIGNALS[level][1]]
    assert [notice["stays"] for notice in heard.felt["notices"]] == [SIGNALS[level][2] for level in rises]


def test_the_verdict_is_the_one_that_was_kept(heard: Heard) -> None:
    word = {"high": "Likely scam", "critical": "Scam"}[heard.record["risk_level"]]
    assert word in heard.banner
    assert str(heard.record["score"]) in heard.banner


def test_the_history_finds_the_call_and_opens_it_with_its_recording(house: House, heard: Heard) -> None:
    with house.window() as window:
        page = house.let_in(window)
        page.keyboard.press("h")
        calls = page.get_by_role("list", name="Earlier calls").get_by_role("link")
        rows = calls.and_(page.locator(f"[href='/calls/{heard.sid}']"))
        expect(rows).to_have_count(1)
        page.get_by_label("Words").fill("zebra")
        expect(page.get_by_text("No call matches these filters.")).to_be_visible()
        page.get_by_label("Words").fill("comisaría")
        page.get_by_label("Level at least").select_option("high")
        page.get_by_label("Number").fill("+56 9 0000 0113")
        expect(rows).to_have_count(1)
        page.get_by_label("Number").blur()
        rows.focus()
        page.keyboard.press("k")
        expect(calls.first).to_be_focused()
        for _ in range(calls.count() - 1):
            page.keyboard.press("j")
        expect(calls.last).to_be_focused()
        rows.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#turn-0")).to_contain_text("tu nieto")
        assert page.url.endswith(f"/calls/{heard.sid}")
        turn = heard.record["transcript"][4]
        page.locator("#turn-4 a").click()
        page.wait_for_function(
            "start => document.querySelector('audio').currentTime >= start", arg=turn["start_ms"] / 1_000
        )
        assert page.evaluate("document.querySelector('audio').duration") == pytest.approx(SPOKEN_S, abs=1)
        expect(page.locator("#turn-4")).to_have_attribute("data-target", "true")
        page.get_by_role("button", name="Scam", exact=True).click()
        expect(page.get_by_text("Your answer is kept.")).to_be_visible()
        page.go_back()
        expect(rows).to_contain_text("Marked as scam")
    assert [each["label"] for each in house.get(f"/api/v1/calls/{heard.sid}")["feedback"]] == ["scam"]


def test_a_link_to_a_turn_opens_the_call_there(house: House, heard: Heard) -> None:
    with house.window(viewport={"width": 1280, "height": 420}) as window:
        house.let_in(window)
        window.open(f"/calls/{heard.sid}#turn-6")
        expect(window.page.locator("#turn-6")).to_be_in_viewport()
        expect(window.page.locator("#turn-0")).not_to_be_in_viewport()


def test_the_reason_stands_at_the_marked_words(house: House, heard: Heard) -> None:
    with house.window() as window:
        page = house.let_in(window)
        window.open(f"/calls/{heard.sid}")
        marked = page.locator("mark").first.locator("xpath=..")
        reason = marked.get_by_role("tooltip")
        expect(reason).to_be_hidden()
        marked.hover()
        expect(reason).to_be_visible()
        assert reason.inner_text() in {
            evidence["why"] for each in heard.record["assessments"] for evidence in each["evidence"]
        }


def test_words_spoken_while_the_line_was_broken_are_there_when_it_is_back(house: House) -> None:
    lines: list[WebSocketRoute] = []
    is_cut = False

    def pass_on(line: WebSocketRoute) -> None:
        if is_cut:
            line.close()
            return
        lines.append(line)
        line.connect_to_server()

    with house.window() as window:
        window.page.route_web_socket(re.compile("/api/v1/live$"), pass_on)
        page = house.let_in(window)
        with placed_call(house.server, spoken_s=26) as call:
            page.get_by_role("list", name="Live calls").get_by_role("link").click()
            expect(page.locator("#turn-0")).to_be_visible()
            is_cut = True
            lines[-1].close()
            expect(page.get_by_text("Reconnecting…")).to_be_visible()
            sid = call.result()
        kept = house.get(f"/api/v1/calls/{sid}")["transcript"]
        assert len(kept) > page.locator("[id^=turn-]").count()
        is_cut = False
        expect(page.get_by_text("Healthy")).to_be_visible()
        expect(page.locator("[id^=turn-]")).to_have_count(len(kept))
        expect(page.get_by_text("Verdict")).to_be_visible()


def test_signing_out_ends_the_session(house: House) -> None:
    with house.window(allowed=r"401.*/api/v1/auth/me") as window:
        page = house.let_in(window, name="Luis")
        expect(page.get_by_text("Luis")).to_be_visible()
        cookies = page.context.cookies()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("API key")).to_be_visible()
        assert page.context.cookies() == []
        window.open("/")
        expect(page.get_by_label("API key")).to_be_visible()
    session = {str(cookie["name"]): str(cookie["value"]) for cookie in cookies}
    assert session
    answer = httpx.get(f"{house.server.url}/api/v1/auth/me", cookies=session, trust_env=False)
    assert answer.status_code == 401


def test_a_link_works_once_and_the_second_try_is_explained(house: House) -> None:
    link = house.link()
    with house.window() as window:
        window.open(link)
        expect(window.page.get_by_role("heading", name="Live calls")).to_be_visible()
        assert "token" not in window.page.url
    with house.window(allowed=r"401.*/api/v1/auth/(link|me)") as window:
        window.open(link)
        expect(window.page.get_by_role("alert")).to_contain_text("A link works once")
        assert "token" not in window.page.url
        window.page.get_by_label("API key").fill(house.key)
        window.page.keyboard.press("Enter")
        expect(window.page.get_by_role("heading", name="Live calls")).to_be_visible()


def call_line(number: int) -> dict[str, Any]:
    return {
        "call_sid": f"CA{number:032d}",
        "recording_id": f"00000000-0000-4000-8000-{number:012d}",
        "caller_number": f"+1555{number:07d}",
        "called_number": "+15550100",
        "current_risk_level": "low",
        "score": 0,
        "indicators": [],
        "is_protected": True,
        "started_at": "2026-01-01T00:00:00+00:00",
        "status": "live",
        "language": "en",
        "attestation": "absent",
        "last_words": "",
    }


LINE_OF_OUR_OWN = """
window.WebSocket = class { constructor() { window.line = this; } close() {} };
"""
FLOOD = (Path(__file__).parent / "console_flood.js").read_text(encoding="utf-8")


def test_300_calls_that_all_talk_change_the_list_no_more_than_once_a_frame(house: House) -> None:
    lines = [call_line(number) for number in range(MANY_CALLS)]
    with house.window() as window:
        page = window.page
        page.add_init_script(LINE_OF_OUR_OWN)
        house.let_in(window)
        page.evaluate(
            "state => line.onmessage({data: state})", json.dumps({"type": "live.state", "calls": lines})
        )
        expect(page.locator("main ol > li")).to_have_count(MANY_CALLS)
        flood = page.evaluate(FLOOD, [[each["call_sid"] for each in lines], FLOOD_MESSAGES])
    assert flood["rows"] == MANY_CALLS
    # The clock of the rows ticks beside the messages.
    assert flood["changes"] <= flood["frames"] + CLOCK_TICKS


def test_a_search_by_keyboard_finds_the_call_by_its_words(house: House, heard: Heard) -> None:
    with house.window() as window:
        page = house.let_in(window)
        page.keyboard.press("Control+k")
        page.keyboard.type("nieto")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="History")).to_be_visible()
        expect(page.get_by_label("Words", exact=True)).to_have_value("nieto")
        found = page.locator("[data-stop]").first
        expect(found).to_have_attribute("href", re.compile("/calls/"))
        page.keyboard.press("Control+k")
        page.keyboard.type("no such words anywhere")
        page.keyboard.press("Enter")
        expect(page.get_by_text("No call matches these filters.")).to_be_visible()


def test_the_health_page_says_that_all_is_well_and_what_was_measured(house: House, heard: Heard) -> None:
    with house.window() as window:
        page = house.let_in(window)
        page.get_by_role("link", name="Health", exact=True).click()
        expect(page.get_by_text("It answers and takes new calls.")).to_be_visible()
        expect(page.get_by_text("They arrive as things happen.")).to_be_visible()
        expect(page.get_by_text("Its requests can be verified.")).to_be_visible()
        expect(page.get_by_text(house.get("/api/v1/stats")["detector"])).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Health")).to_be_visible()


@pytest.mark.parametrize("width", [390, 768, 1280, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_at_any_width(house: House, heard: Heard, width: int, scheme: Any) -> None:
    with house.window(viewport={"width": width, "height": 800}, color_scheme=scheme) as window:
        page = house.let_in(window)
        for path, there in (
            ("/", "h1"),
            ("/history", "[data-stop]"),
            ("/health-page", "dl"),
            (f"/calls/{heard.sid}", "#turn-0"),
        ):
            window.open(path)
            expect(page.locator(there).first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_person_who_prefers_spanish_is_spoken_to_in_spanish(house: House) -> None:
    with house.window(allowed=r"401.*/api/v1/auth/me") as window:
        page = window.page
        page.context.add_init_script("Object.defineProperty(navigator, 'languages', {value: ['es-CL']})")
        window.open("/")
        expect(page.get_by_label("Clave de API")).to_be_visible()
        assert page.locator("html").get_attribute("lang") == "es-CL"


def test_the_built_console_holds_nothing_from_elsewhere() -> None:
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", page) == []
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses
    assert all(address.startswith("/assets/") and (FOLDER / address[1:]).is_file() for address in addresses)
    for sheet in Path(FOLDER, "assets").glob("*.css"):
        assert not re.search(r"@import|url\(\s*[\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8"))
