"""Nothing secret is written down, and nothing written can pass for a line of its own."""

import json
import random
import re
import string
import subprocess
import sys

import pytest

SEED = 60
FORGED = '{"event": "forged", "level": "info"}'
MARK = "forged"


def write(scene: str, said: list[str], *, mode: str = "json") -> str:
    """Runs a scene in a process of its own and returns all that it wrote, to stdout too."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.noise", scene, mode],
        input=json.dumps(said).encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout.decode() + done.stderr.decode()


def canaries(count: int) -> list[str]:
    rng = random.Random(SEED)
    return ["".join(rng.choices(string.ascii_letters + string.digits, k=24)) for _ in range(count)]


@pytest.mark.parametrize("mode", ["json", "console"])
@pytest.mark.parametrize(
    ("scene", "count", "at_least"),
    [("by_name", 30, 240), ("by_look", 42, 350), ("sql", 10, 100), ("http", 10, 100), ("unhandled", 8, 24)],
)
def test_no_canary_is_written(scene, count, at_least, mode):
    said = canaries(count)
    written = write(scene, said, mode=mode)
    # Also as AWS has them, and without their first letters: half a secret is one too.
    found = [canary for canary in said if canary[4:].lower() in written.lower()]
    lines = written.count("\n")
    print(f"{len(found)} of {count} canaries found in {lines} lines ({scene}, {mode})")
    assert lines >= at_least
    assert found == []


ENDINGS = ["\n", "\r", "\r\n", "\n\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\0\n"]
ENDINGS += ["\x1b[2K\r", "\x1b[1A\x1b[2K", "\\\n", "%0a\n", '"}\n', '\\"}\r\n', "\n" * 50]
FORGING = [f"a{ending}{FORGED}" for ending in ENDINGS]


def test_no_line_can_be_forged():
    written = write("forge", FORGING)
    lines = written.splitlines()  # ends lines at everything Unicode calls an end
    extra = len(lines) - 8 * len(FORGING)
    print(f"{extra} extra lines from {len(FORGING)} forging strings, {len(lines)} lines in all")
    assert len(FORGING) >= 20
    assert extra == 0
    assert [line for line in lines if json.loads(line)["event"] == MARK] == []


def test_no_line_can_be_forged_on_a_terminal():
    lines = write("forge", FORGING, mode="console").splitlines()
    plain = [re.sub(r"\x1b\[\d*m", "", line) for line in lines]
    events = [line for line in plain if re.match(r"\d{4}-\d\d-\d\dT\S+Z \[", line)]
    others = [line for line in plain if line not in events and not line.startswith("    | ")]
    print(f"{len(events)} events, {len(others)} lines that are neither event nor traceback")
    assert len(events) == 8 * len(FORGING)
    assert others == []
    assert not any("\x1b[2K" in line or "\x1b[1A" in line for line in lines)


def run(code: str) -> list[dict[str, object]]:
    """Runs code after `configure("INFO")` and returns what was logged."""
    done = subprocess.run(
        [sys.executable, "-c", f"import structlog, logging\nfrom outrider.core import log\n{code}"],
        capture_output=True,
        timeout=30,
        check=False,
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_line_says_when_who_what_and_for_which_request():
    [line] = run("log.configure('INFO')\nlog.bind_request(request_id='r1')\nstructlog.get_logger('x').info('hi', n=1)")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", str(line.pop("timestamp")))
    assert line == {"event": "hi", "level": "info", "logger": "x", "request_id": "r1", "n": 1}


def test_a_library_speaks_in_the_same_form_and_to_one_handler_only():
    lines = run(
        "logging.getLogger('uvicorn').addHandler(logging.StreamHandler())\n"
        "log.configure('INFO')\nlog.configure('INFO')\nlogging.getLogger('uvicorn').info('up on %s', 8700)"
    )
    assert [(line["event"], line["logger"]) for line in lines] == [("up on 8700", "uvicorn")]


def test_below_the_level_nothing_is_written():
    assert run("log.configure('WARNING')\nstructlog.get_logger().info('a')\nlogging.getLogger('b').info('b')") == []


def test_the_next_request_carries_nothing_of_the_last():
    [line] = run(
        "log.configure('INFO')\nlog.bind_request(request_id='r1', user='u1')\nlog.bind_request(request_id='r2')\n"
        "structlog.get_logger().info('hi')"
    )
    assert line["request_id"] == "r2"
    assert "user" not in line


def test_an_uncaught_error_is_one_line_too():
    [line] = run("log.configure('INFO')\nraise ValueError('password=hunter2')")
    assert (line["event"], line["level"]) == ("Uncaught error", "critical")
    assert "ValueError: password=***" in str(line["exception"])


def test_a_value_that_breaks_while_it_is_written_does_no_harm():
    code = (
        "class Bad:\n    def __str__(self): raise RuntimeError('x')\n"
        "log.configure('INFO')\nstructlog.get_logger('x').info('hi', bad=Bad())\nstructlog.get_logger('x').info('next')"
    )
    assert [line["event"] for line in run(code)] == ["A log record could not be written", "next"]
