"""How writers share transactions."""

import asyncio
from collections.abc import Sequence

import pytest

from ringfence.telephony.group_commit import GroupCommit

pytestmark = pytest.mark.unit


class Disk:
    """Remembers every group; refuses the word `bad`."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.is_full = False
        self.tries = 0

    async def write(self, items: Sequence[str]) -> None:
        self.tries += 1
        await asyncio.sleep(0)
        if self.is_full:
            raise OSError("disk full")
        if "bad" in items:
            raise ValueError("bad")
        self.groups.append(list(items))


def group_commit(disk: Disk, *, largest: int = 100, most_waiting: int = 1000) -> GroupCommit[str]:
    return GroupCommit(
        disk.write,
        is_fault_of_an_item=lambda error: isinstance(error, ValueError),
        largest=largest,
        most_waiting=most_waiting,
    )


def test_those_who_come_during_a_commit_share_the_next_one() -> None:
    async def scenario() -> list[list[str]]:
        disk = Disk()
        commit = group_commit(disk)
        first = asyncio.create_task(commit.add("first"))
        while disk.tries == 0:
            await asyncio.sleep(0)
        await asyncio.gather(*(commit.add(str(number)) for number in range(10)), first)
        return disk.groups

    assert asyncio.run(scenario()) == [["first"], [str(number) for number in range(10)]]


def test_a_group_is_no_larger_than_allowed() -> None:
    async def scenario() -> list[int]:
        disk = Disk()
        commit = group_commit(disk, largest=4)
        await asyncio.gather(*(commit.add(str(number)) for number in range(10)))
        return [len(group) for group in disk.groups]

    assert asyncio.run(scenario()) == [4, 4, 2]


def test_only_the_guilty_item_fails() -> None:
    async def scenario() -> list[BaseException | None]:
        commit = group_commit(Disk())
        return await asyncio.gather(*(commit.add(word) for word in ("a", "bad", "b")), return_exceptions=True)

    assert [type(outcome) for outcome in asyncio.run(scenario())] == [type(None), ValueError, type(None)]


def test_when_the_disk_is_full_all_are_told_at_once() -> None:
    async def scenario() -> tuple[list[BaseException | None], int]:
        disk = Disk()
        disk.is_full = True
        commit = group_commit(disk)
        outcomes = await asyncio.gather(
            *(commit.add(word) for word in ("a", "b", "c")), return_exceptions=True
        )
        return outcomes, disk.tries

    outcomes, tries = asyncio.run(scenario())
    assert [type(outcome) for outcome in outcomes] == [OSError, OSError, OSError]
    assert tries == 1


def test_it_works_again_after_a_failure() -> None:
    async def scenario() -> list[list[str]]:
        disk = Disk()
        disk.is_full = True
        commit = group_commit(disk)
        with pytest.raises(OSError, match="full"):
            await commit.add("lost")
        disk.is_full = False
        await commit.add("kept")
        return disk.groups

    assert asyncio.run(scenario()) == [["kept"]]


def test_more_than_may_wait_are_written_all_the_same() -> None:
    async def scenario() -> int:
        disk = Disk()
        commit = group_commit(disk, largest=3, most_waiting=5)
        await asyncio.gather(*(commit.add(str(number)) for number in range(50)))
        assert max(len(group) for group in disk.groups) <= 3
        return sum(len(group) for group in disk.groups)

    assert asyncio.run(scenario()) == 50


def test_an_item_outlives_its_callers_patience() -> None:
    async def scenario() -> list[list[str]]:
        disk = Disk()
        commit = group_commit(disk)
        impatient = asyncio.create_task(commit.add("kept"))
        await asyncio.sleep(0)
        impatient.cancel()
        await commit.add("next")
        return disk.groups

    assert asyncio.run(scenario()) == [["kept", "next"]]
