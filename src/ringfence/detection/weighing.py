"""From tactics heard over a call to one number: what was found, how it combines, how it fades. Pure.

Words weigh little by themselves. What makes a call a fraud is who the caller says to be, what alarm or bait
comes first, and what is then demanded: so demands that follow a hook weigh more, and so do demands under
pressure or secrecy. What is not repeated fades; demands hardly do. The constants were set by hand on calls of
our own and checked for false alarms on recorded innocent ones.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ringfence.detection.rulepack import Tactic

BIAS = -3.8
"""Log-odds of fraud of a call in which nothing was found."""
REPEAT_SHARE = 0.25
REPEAT_CAP = 1.5
"""Said again, a tactic adds a quarter, up to half as much again."""
FADES_OVER = 45
"""Utterances over which an unrepeated hook or pressure loses half."""
DEMAND_FADES_OVER = 160
GROUP_CAPS = {
    "claim": 1.6,
    "trouble": 2.6,
    "bait": 2.6,
    "pressure": 2.2,
    "isolation": 3.2,
    "theatre": 1.4,
    "ask": 3.2,
    "soft_ask": 1.4,
    "pay": 4.2,
    "access": 3.0,
    "disclosure": 1.8,
    "suspicion": 0.5,
    "innocent": -2.0,
}
_DEMANDS = ("ask", "pay", "access")
_HOOKS = ("claim", "trouble", "bait")


@dataclass(slots=True)
class _Trace:
    """What is left of one tactic."""

    value: float
    at: int
    first: int


@dataclass(slots=True)
class CaseFile:
    """The evidence of one call. Its size is bounded by the number of tactics."""

    tactics: Mapping[str, Tactic]
    _traces: dict[str, _Trace] = field(default_factory=dict)

    def add(self, code: str, strength: float, utterance: int) -> None:
        weight = self.tactics[code].weight * strength
        trace = self._traces.get(code)
        if trace is None:
            self._traces[code] = _Trace(weight, utterance, utterance)
            return
        left = self._left(code, trace, utterance)
        cap = REPEAT_CAP * self.tactics[code].weight
        if abs(weight) > abs(left):
            left, weight = weight, left
        total = left + REPEAT_SHARE * weight
        trace.value = max(total, cap) if cap < 0 else min(total, cap)
        trace.at = utterance

    def log_odds(self, utterance: int) -> float:
        groups: dict[str, float] = {}
        shares: dict[str, float] = {}
        hard = 0.0
        first_hook: int | None = None
        last_demand: int | None = None
        hard_kinds = 0
        for code, trace in self._traces.items():
            tactic = self.tactics[code]
            left = self._left(code, trace, utterance)
            groups[tactic.group] = groups.get(tactic.group, 0.0) + left
            share = min(1.0, left / tactic.weight)
            shares[code] = share
            if tactic.hard:
                hard = max(hard, share)
                hard_kinds += share > 0.5
                last_demand = max(last_demand or 0, trace.at)
            elif tactic.group in _HOOKS and share > 0.3:
                first_hook = trace.first if first_hook is None else min(first_hook, trace.first)
        # Whoever says that nothing is needed and then demands something was only playing the honest caller.
        groups["innocent"] = groups.get("innocent", 0.0) - hard * min(
            0.0, self._value("no_demand", utterance)
        )
        total = BIAS + sum(_capped(value, GROUP_CAPS[group]) for group, value in groups.items())
        hook_first = first_hook is not None and last_demand is not None and first_hook <= last_demand
        return total + _combinations(groups, shares, hard, hard_kinds, hook_first)

    def _value(self, code: str, utterance: int) -> float:
        trace = self._traces.get(code)
        return self._left(code, trace, utterance) if trace else 0.0

    def _left(self, code: str, trace: _Trace, utterance: int) -> float:
        age = utterance - trace.at
        if age <= 0:
            return trace.value
        over = DEMAND_FADES_OVER if self.tactics[code].group in _DEMANDS else FADES_OVER
        return trace.value * math.exp2(-age / over)


def probability(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, log_odds))))


def _capped(value: float, cap: float) -> float:
    return max(value, cap) if cap < 0 else min(value, cap)


def _combinations(
    groups: Mapping[str, float], shares: Mapping[str, float], hard: float, hard_kinds: int, hook_first: bool
) -> float:
    """What tactics are worth together beyond what they are worth alone."""

    def of(*codes: str) -> float:
        return max((shares.get(code, 0.0) for code in codes), default=0.0)

    hook = min(1.0, max(groups.get(group, 0.0) for group in _HOOKS) / 0.8)
    pressure = min(1.0, max(groups.get("pressure", 0.0), groups.get("isolation", 0.0)))
    money = max(hard, of("asks_money"))
    soft = of("asks_identity", "asks_account", "asks_money", "sends_link")
    total = 1.4 * min(hook, hard)
    total += 0.3 if hook_first else 0.0
    total += 0.7 * min(hook, hard, pressure)
    total += 0.6 if hard_kinds >= 2 else 0.0
    total += 1.2 * min(of("secrecy", "coached_lie"), money)
    total += 1.6 * min(of("relative_trouble"), money)
    total += 0.8 * min(of("relative_trouble"), of("claims_relative", "new_number"))
    total += 0.6 * min(of("legal_trouble"), of("claims_authority"))
    total += 0.8 * min(
        of("legal_trouble", "service_cutoff"),
        of("threat", "urgency", "asks_money", "asks_account", "asks_identity"),
    )
    total += 0.9 * min(of("device_trouble"), of("claims_tech_support", "claims_company"))
    total += 0.9 * min(of("threat"), of("asks_money", "asks_account", "asks_identity", "secrecy"))
    total += 0.9 * min(
        of("bait_prize", "bait_refund", "bait_money", "parcel_trouble", "renewal_charge"), soft
    )
    total += 0.9 * min(
        of("claims_bank", "claims_tech_support"), of("account_trouble"), of("asks_identity", "asks_account")
    )
    total += 0.9 * min(hook, of("asks_account"))
    lure = of(
        "bait_prize", "bait_refund", "bait_money", "legal_trouble", "device_trouble", "renewal_charge",
        "service_cutoff",
    )  # fmt: skip
    total += 2.6 * min(of("press_key"), lure)
    total += 1.8 * min(of("press_key"), of("account_trouble"))
    total += 1.2 * min(of("press_key"), of("claims_tech_support", "claims_authority"))
    return total
