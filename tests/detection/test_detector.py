"""A call judged utterance by utterance."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.detection.detector import KEPT_PER_TACTIC, CallJudge, load_detector
from ringfence.model.assessment import Judgement
from ringfence.model.calls import Party
from ringfence.model.speech import Utterance

pytestmark = pytest.mark.unit

CALLER, PROTECTED = Party.REMOTE, Party.SUBSCRIBER


def utterance(index: int, party: Party, text: str, confidence: float | None = None) -> Utterance:
    return Utterance(index, party, text, index * 1000, index * 1000 + 900, confidence=confidence)


def judged(*turns: tuple[Party, str], language: str = "en") -> list[Judgement]:
    judge = load_detector().begin(language)
    return [judge.hear(utterance(index, party, text)) for index, (party, text) in enumerate(turns)]


def codes(judgement: Judgement) -> set[str]:
    return {indicator.code for indicator in judgement.indicators}


BANK = (CALLER, "Hello, this is the fraud department of your bank.")
ALARM = (CALLER, "Somebody is trying to withdraw money from your account.")
ASK = (CALLER, "Please read me the code we just sent to your phone.")


def test_an_alarm_and_a_demand_together_weigh_more_than_the_sum_of_both() -> None:
    both = judged(BANK, ALARM, ASK)[-1].score
    alarm_alone = judged(BANK, ALARM)[-1].score
    demand_alone = judged(ASK)[-1].score
    assert both > 0.65
    assert alarm_alone < 0.35
    assert demand_alone < 0.35


def test_a_demand_after_the_hook_weighs_more_than_before_it() -> None:
    assert judged(BANK, ALARM, ASK)[-1].score > judged(ASK, BANK, ALARM)[-1].score


def test_reading_out_what_was_asked_for_is_a_disclosure() -> None:
    judgement = judged(BANK, ASK, (PROTECTED, "okay it is [code]"))[-1]
    assert judgement.disclosure
    assert "disclosure" in codes(judgement)
    (shown,) = [indicator for indicator in judgement.indicators if indicator.code == "disclosure"]
    assert (shown.words, shown.party, shown.utterance) == ("[code]", PROTECTED, 2)


def test_digits_that_nobody_asked_for_are_no_disclosure() -> None:
    assert not judged((CALLER, "How are you?"), (PROTECTED, "my number is [phone number]"))[-1].disclosure
    assert not judged(BANK, ASK, (CALLER, "it is [code]"))[-1].disclosure


def test_whoever_calls_the_bank_and_is_asked_who_they_are_is_not_alarmed() -> None:
    judgement = judged(
        (PROTECTED, "Hi, I would like to check the balance of my savings account please."),
        (CALLER, "Of course. Could you give me your account number and your PIN?"),
        (PROTECTED, "Sure, it is [account number] and [pin]."),
        (CALLER, "Thank you. And your date of birth?"),
    )[-1]
    assert judgement.score < 0.35


def test_saying_that_nothing_is_needed_does_not_cover_a_demand() -> None:
    innocent = (CALLER, "We will never ask you for your password, and you don't need to give me any details.")
    assert judged(BANK, innocent)[-1].score < judged(BANK)[-1].score
    covered = judged(BANK, ALARM, innocent, ASK)[-1].score
    assert covered >= judged(BANK, ALARM, (CALLER, "All right."), ASK)[-1].score - 0.01


def test_what_is_not_repeated_fades() -> None:
    small_talk = [(CALLER, "Well, the weather is lovely over here.")] * 120
    start = judged(BANK, ALARM)[-1].score
    assert judged(BANK, ALARM, *small_talk)[-1].score < start / 1.5


def test_the_same_utterances_give_the_same_judgements() -> None:
    turns = (BANK, (PROTECTED, "oh no"), ALARM, ASK, (PROTECTED, "[code]"))
    assert judged(*turns) == judged(*turns)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(Party)), st.text(max_size=120)), max_size=8))
def test_whatever_is_said_the_judgement_is_in_range_and_its_words_were_said(
    turns: list[tuple[Party, str]],
) -> None:
    for judgement in judged(*turns):
        assert 0 <= judgement.score <= 1
        for indicator in judgement.indicators:
            assert indicator.words in turns[indicator.utterance][1]


def test_labels_are_in_the_language_that_is_really_spoken() -> None:
    judgement = judged(
        (CALLER, "Buenas tardes, le llamo del departamento de seguridad de su banco."),
        (PROTECTED, "Sí, ¿qué es lo que pasa con mi cuenta?"),
        (CALLER, "Dígame por favor el código que le llegó a su teléfono."),
        language="en",
    )[-1]
    assert judgement.language == "es"
    assert {indicator.label for indicator in judgement.indicators} >= {"Dice ser del banco", "Pide un código"}


def test_labels_given_before_the_language_was_known_are_put_right() -> None:
    first, *_, last = judged(
        (CALLER, "AnyDesk"),
        (PROTECTED, "perdón, ¿qué es lo que me dijo usted?"),
        (PROTECTED, "no sé qué es eso que me dice"),
        language="en-GB",
    )
    assert first.indicators[0].label == "Wants access to your device"
    assert last.indicators[0].label == "Quiere entrar en su equipo"


def test_a_language_without_a_pack_is_uncertain_and_labelled_in_english() -> None:
    korean = "안녕하세요 저는 은행에서 전화드렸습니다 지금 고객님 계좌에 문제가 있습니다 확인 부탁드립니다"
    judgement = judged(*[(CALLER, f"{korean} {number}") for number in "abcd"], language="ko")[-1]
    assert judgement.uncertain
    assert judged((CALLER, "anydesk"), language="ko")[-1].indicators[0].label == "Wants access to your device"


def test_little_or_badly_heard_is_uncertain() -> None:
    assert judged((CALLER, "Hello?"))[-1].uncertain
    long = "I wanted to tell you about the garden and the roses that we planted there in the spring with the kids"
    assert not judged((CALLER, long))[-1].uncertain
    judge = load_detector().begin("en")
    assert judge.hear(utterance(0, CALLER, long, confidence=0.2)).uncertain


def test_indicators_of_one_tactic_are_bounded_and_keep_the_first() -> None:
    judgement = judged(*[(CALLER, f"read me the code, word {number}") for number in range(40)])[-1]
    asked = [indicator.utterance for indicator in judgement.indicators if indicator.code == "asks_code"]
    assert len(asked) == KEPT_PER_TACTIC
    assert asked[0] == 0
    assert asked[-1] == 39


def test_an_utterance_costs_the_same_at_minute_forty_as_at_minute_one() -> None:
    texts = [
        BANK[1],
        "well I do not know about that",
        ALARM[1],
        "read me the number on the card",
        "okay then",
    ]

    def hear(judge: CallJudge, first: int) -> float:
        started = time.perf_counter()
        for index in range(first, first + 200):
            judge.hear(utterance(index, CALLER, texts[index % len(texts)]))
        return time.perf_counter() - started

    judge = load_detector().begin("en")
    hear(judge, 0)
    early = min(hear(judge, 200 * (1 + turn)) for turn in range(3))
    for turn in range(4, 14):
        hear(judge, 200 * turn)
    late = min(hear(judge, 200 * (14 + turn)) for turn in range(3))
    assert late < 3 * early


def test_the_version_names_the_packs_and_their_content() -> None:
    version = load_detector().version
    assert version.startswith("rules-en1+es1-")
    assert load_detector() is load_detector()


def test_a_judge_knows_nothing_of_another_call() -> None:
    detector = load_detector()
    detector.begin("en").hear(utterance(0, *ASK))
    fresh = detector.begin("en").hear(utterance(0, CALLER, "Hello there"))
    assert fresh == replace(fresh, indicators=())
