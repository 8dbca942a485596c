"""Many small requests side by side, for the snapshot and apply: bounded, ordered, and failing as one exception."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# More than the transport ever lets through at once, and few enough that ten thousand items are no ten thousand tasks.
WIDTH: Final = 512


async def each(function: Callable[[Item], Awaitable[Result]], items: Iterable[Item]) -> list[Result]:
    """`function` of every item, in the items' order. The first failure cancels the rest and is raised as it is."""
    numbered = list(items)
    results: dict[int, Result] = {}
    remaining = iter(enumerate(numbered))

    async def work() -> None:
        for number, item in remaining:
            results[number] = await function(item)

    await together(*(work() for _ in range(min(WIDTH, len(numbered)))))
    return [results[number] for number in range(len(numbered))]


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Run all of them; the first failure cancels the rest and is raised as it is, not in a group."""
    try:
        async with asyncio.TaskGroup() as group:
            for each_work in work:
                group.create_task(each_work)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures.exceptions[0].__cause__
