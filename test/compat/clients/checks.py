"""Runs what a client does, one check after the other, and prints a line of JSON for each: its name, and why it did not pass."""

import json
import re
import traceback
from typing import Any, Callable

# As the server refuses what it does not have; see `UNSUPPORTED` in core/errors.ts.
NOT_YET = re.compile(r"\"?([^\"\\:{}]{1,60})\"? (?:is|are) not supported|there is no route ([A-Z]+ [^\", ]*)")


def outcome(error: BaseException) -> dict[str, str]:
    """`notYet` if the server said that it does not have something, else `failed`."""
    text = f"{type(error).__name__}: {error}".replace('\\\\"', '"').replace('\\"', '"')
    refused = NOT_YET.search(text)
    return {"notYet": refused.group(1) or refused.group(2)} if refused else {"failed": text[:400]}


def check(what: str, run: Callable[[], Any]) -> None:
    try:
        run()
        result: dict[str, str] = {}
    except Exception as error:  # noqa: BLE001
        result = outcome(error)
        if "failed" in result:
            traceback.print_exc()
    print(json.dumps({"what": what, **result}), flush=True)
