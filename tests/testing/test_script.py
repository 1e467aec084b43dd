from pathlib import Path

import pytest

from ringfence.model.calls import Party
from ringfence.model.numbers import parse_e164
from ringfence.testing.script import BYTES_PER_MS, CallScript, load_script, read_script, sample_names

pytestmark = pytest.mark.unit

SCRIPT = """
title = "A short call"
language = "en"
label = "benign"
from = "+15550100"
to = "+15550101"
[[turns]]
party = "caller"
text = "Hello."
"""


@pytest.fixture(params=sample_names())
def sample(request: pytest.FixtureRequest) -> CallScript:
    return load_script(request.param)


def test_a_bundled_call_is_a_dialogue_of_thirty_to_ninety_seconds(sample: CallScript) -> None:
    assert 30_000 <= sample.duration_ms <= 90_000
    assert {turn.party for turn in sample.turns} == {Party.REMOTE, Party.SUBSCRIBER}
    assert sample.title
    assert sample.about


def test_a_bundled_call_has_invented_numbers(sample: CallScript) -> None:
    for number in (sample.from_number, sample.to_number):
        assert parse_e164(number) == number
        assert number.startswith(("+1555", "+569000"))


def test_turns_lie_in_order_in_the_audio_and_the_tracks_share_it_out(sample: CallScript) -> None:
    edges = [edge for turn in sample.turns for edge in (turn.start_ms, turn.end_ms)]
    assert edges == sorted(edges)
    assert edges[-1] < sample.duration_ms
    tracks = {party: sample.track(party) for party in Party}
    for turn in sample.turns:
        piece = slice(turn.start_ms * BYTES_PER_MS, turn.end_ms * BYTES_PER_MS)
        other = Party.SUBSCRIBER if turn.party is Party.REMOTE else Party.REMOTE
        assert tracks[turn.party][piece] == sample.mulaw[piece]
        assert set(tracks[other][piece]) == {0xFF}


def test_there_are_three_scams_and_three_innocent_calls_one_of_each_in_spanish() -> None:
    samples = [load_script(name) for name in sample_names()]
    assert sum(sample.is_scam for sample in samples) >= 3
    assert sum(not sample.is_scam for sample in samples) >= 3
    assert {sample.is_scam for sample in samples if sample.language == "es"} == {True, False}


def test_all_bundled_audio_is_under_five_megabytes() -> None:
    assert sum(len(load_script(name).mulaw) for name in sample_names()) < 5_000_000


def test_a_script_without_audio_is_read_and_says_so_by_its_length(tmp_path: Path) -> None:
    path = tmp_path / "short.toml"
    path.write_text(SCRIPT)
    script = read_script(path)
    assert (script.name, script.words(Party.REMOTE), script.duration_ms) == ("short", "Hello.", 0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no script", "not a script"),
        (SCRIPT.replace("title", "name"), "'title' is missing"),
        (SCRIPT.replace("caller", "robot"), "'robot' is missing or wrong"),
        (SCRIPT.replace("benign", "innocent"), "write scam or benign"),
    ],
    ids=["not TOML", "a field missing", "an unknown party", "an unknown label"],
)
def test_a_faulty_script_is_refused_in_words(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "faulty.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=reason):
        read_script(path)


def test_audio_of_an_older_script_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.toml").write_text(SCRIPT)
    (tmp_path / "old.wav").write_bytes(b"")
    (tmp_path / "old.timing.json").write_text("[[0, 1], [2, 3]]")
    with pytest.raises(ValueError, match="make samples"):
        read_script(tmp_path / "old.toml")


def test_an_unknown_sample_is_no_sample() -> None:
    with pytest.raises(KeyError):
        load_script("nobody")
