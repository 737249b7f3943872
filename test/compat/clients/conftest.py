"""Prints a line of JSON for each test of a suite that a client's makers publish."""

import json
from typing import Any

import pytest

from checks import outcome


def pytest_addoption(parser: Any) -> None:
    parser.addoption("--server", action="store")


@pytest.fixture(scope="session")
def server(request: Any) -> str:
    return request.config.getoption("--server")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Any:
    report = (yield).get_result()
    broken = report.failed and call.excinfo is not None
    if report.when == "call" or broken:
        if hasattr(report, "wasxfail") or report.skipped:
            return
        result = outcome(call.excinfo.value) if broken else {}
        print("\n" + json.dumps({"what": item.name, **result}), flush=True)
