"""Logging: one line of JSON an event (or coloured text on a terminal), with secrets taken out of every one.

Our own loggers are structlog's; the libraries' come in through the standard library. Both leave by the same handler.
"""

import contextlib
import logging
import re
import sys
import threading
from json import dumps
from types import TracebackType
from typing import TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from outrider.core.redaction import redact

# What a terminal or a reader of lines may take for the end of a line, or for a command.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BLOCKS = ("exception", "stack")


def configure(level: str, *, json: bool | None = None) -> None:
    """Sends everything at `level` and above to stderr; as JSON unless that is a terminal."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    as_json = json if json is not None else not sys.stderr.isatty()
    handler = _Handler(sys.stderr)
    handler.addFilter(_hide_sql_values)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact_event,
                *_rendering(as_json=as_json),
            ],
        )
    )
    _take_over(handler, level)


def bind_request(*, request_id: str, **fields: object) -> None:
    """Puts these fields on every line that this request writes from here on, and drops the last request's."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id, **fields)


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        # The standard one prints the record's arguments as they are, past the redactor.
        with contextlib.suppress(OSError, ValueError):
            line = {"level": "error", "event": "A log record could not be written", "logger": record.name}
            self.stream.write(f"{dumps(line)}\n")


def _rendering(*, as_json: bool) -> list[Processor]:
    if as_json:
        return [structlog.processors.JSONRenderer()]  # json.dumps escapes all that is not printable ASCII
    return [_escape, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]


def _redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    redacted: EventDict = redact(event)
    return redacted


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keeps an event on its line; a traceback's lines are marked, so that none passes for an event."""
    escaped: EventDict = {}
    for key, value in event.items():
        if key in _BLOCKS and isinstance(value, str):
            escaped[key] = "\n".join(f"    | {_printable(line)}" for line in value.split("\n"))
        else:
            escaped[_printable(key)] = _printable(value) if isinstance(value, str) else value
    return escaped


def _printable(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _hide_sql_values(record: logging.LogRecord) -> bool:
    # A statement's values come without names, so nothing tells which of them is a secret.
    if record.name.startswith("sqlalchemy.") and record.args:
        record.msg, record.args = f"{record.msg} (values hidden)", ()
    return True


def _take_over(handler: logging.Handler, level: str) -> None:
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # An engine with echo=True would give itself a handler of its own, straight to stdout.
    logging.getLogger("sqlalchemy.engine.Engine").addHandler(logging.NullHandler())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("outrider").critical("Uncaught error", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)
