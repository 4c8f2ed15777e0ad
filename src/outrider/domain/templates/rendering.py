"""Templates that users write: what they may name, errors that say where, and no mail with a hole in it.

A printed field that is empty and has no `default` stops the rendering; the caller holds the send and can say why.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from liquid import BoundTemplate
from liquid.static_analysis import TemplateAnalysis, Variable

from outrider.core.errors import Invalid
from outrider.domain.templates import sandbox
from outrider.domain.templates.filters import FILTERS
from outrider.domain.templates.markup import Unusable

ANYTHING: frozenset[str] = frozenset()
FIELDS: Mapping[str, frozenset[str]] = {
    "recipient": frozenset({"email", "name", "firstName", "lastName", "domain"}),
    "sender": frozenset({"email", "name", "firstName"}),
    "email": frozenset({"subject", "sentAt", "snippet"}),
    "step": frozenset({"number", "total"}),
    "variables": ANYTHING,  # whatever the enrolment brings; checked when it is printed
}
MOST_DATA = 100_000  # characters of text, keys and 10 for each value
DEEPEST_DATA = 20


class TemplateInvalid(Invalid):
    """Details: `line` and `column` counted from 1, and a `suggestion`, each where it is known."""

    code = "template_invalid"


class MergeFieldMissing(Invalid):
    """Rendering would leave a hole; `fields` names what is empty."""

    code = "merge_field_missing"


@dataclass(frozen=True, slots=True)
class _Problem:
    index: int
    message: str
    suggestion: str | None = None


def check(source: str, *, field: str, known: Mapping[str, frozenset[str]] = FIELDS) -> None:
    """Raises TemplateInvalid at the first thing that doesn't parse or doesn't exist; `field` names the body's field."""
    template = _compiled(source, field, is_html=False)
    found = template.analyze(include_partials=False)
    problems = [*_unknown_filters(found), *_unknown_names(found, known)]
    if problems:
        first = min(problems, key=lambda each: each.index)
        raise _at(first.index, first.message, source, field, suggestion=first.suggestion)


def render(source: str, data: Mapping[str, object], *, field: str = "body") -> str:
    """Renders plain text. Raises MergeFieldMissing, or TemplateInvalid once a limit is passed."""
    return _rendered(source, data, field, is_html=False)


def render_html(source: str, data: Mapping[str, object], *, field: str = "body") -> str:
    """Renders HTML: values are escaped, the template's own markup is not. Raises as `render`."""
    return _rendered(source, data, field, is_html=True)


def _rendered(source: str, data: Mapping[str, object], field: str, *, is_html: bool) -> str:
    template = _compiled(source, field, is_html=is_html)
    try:
        text, missing = sandbox.run(template, _Plain(field).tree(data))
    except Unusable as error:
        raise _at(error.index, error.message, source, field) from None
    if missing:
        raise MergeFieldMissing(
            f"There is nothing to put in for {' and '.join(missing)}. Fill it in, or write what to say instead: "
            f"{{{{ {missing[0]} | default: 'there' }}}}.",
            field=field,
            fields=missing,
        )
    return text


def _compiled(source: str, field: str, *, is_html: bool) -> BoundTemplate:
    try:
        return sandbox.compiled(source, is_html=is_html)
    except Unusable as error:
        raise _at(error.index, error.message, source, field) from None


def _unknown_filters(found: TemplateAnalysis) -> Iterator[_Problem]:
    for name, spans in found.filters.items():
        if name not in FILTERS:
            yield _unknown(spans[0].index, f"There is no filter {name}", name, sorted(FILTERS))


def _unknown_names(found: TemplateAnalysis, known: Mapping[str, frozenset[str]]) -> Iterator[_Problem]:
    for mentions in found.globals.values():
        for mention in mentions:
            problem = _misnamed(mention, known)
            if problem is not None:
                yield problem


def _misnamed(mention: Variable, known: Mapping[str, frozenset[str]]) -> _Problem | None:  # noqa: PLR0911  # one a mistake
    index, (root, *rest) = mention.span.index, mention.segments
    if not isinstance(root, str):
        return _Problem(index, "A field's name must be written out.")
    if root not in known:
        paths = _paths(known, known)
        meant = next((path for path in paths if path.endswith(f".{mention}")), str(mention))  # firstName alone
        return _unknown(index, f"The template names {mention}, which does not exist", meant, [*paths, *known])
    if known[root] is ANYTHING:
        return None
    if not rest:
        return _Problem(index, f"{root} is a group of fields: write {', '.join(_paths(known, [root]))}.")
    leaf, *below = rest
    if isinstance(leaf, list):  # recipient[variables.which]: whether it is there shows when it is printed
        return None
    if leaf not in known[root]:
        return _unknown(
            index,
            f"The template names {mention}, which does not exist",
            str(leaf),
            sorted(known[root]),
            prefix=f"{root}.",
        )
    if below not in ([], ["size"]):
        return _Problem(index, f"{root}.{leaf} is a text; there is nothing below it.", f"{root}.{leaf}")
    return None


def _paths(known: Mapping[str, frozenset[str]], roots: Iterable[str]) -> list[str]:
    return [f"{root}.{leaf}" for root in roots for leaf in sorted(known[root])]


def _unknown(index: int, message: str, name: str, known: list[str], *, prefix: str = "") -> _Problem:
    close = get_close_matches(name, known, n=1, cutoff=0.55)
    if close:
        return _Problem(index, f"{message}: did you mean {prefix}{close[0]}?", prefix + close[0])
    return _Problem(index, f"{message}. There are {', '.join(prefix + each for each in known)}.")


def _at(index: int | None, message: str, source: str, field: str, *, suggestion: str | None = None) -> TemplateInvalid:
    details: dict[str, object] = {"field": field}
    if suggestion is not None:
        details["suggestion"] = suggestion
    if index is not None:
        details["line"] = source.count("\n", 0, index) + 1
        details["column"] = index - source.rfind("\n", 0, index)
        message = f"{message} (line {details['line']}, column {details['column']})"
    return TemplateInvalid(message, **details)


class _Plain:
    """Copies data into dicts, lists, texts and numbers, dropping what is empty; anything else has no way in."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._left = MOST_DATA

    def tree(self, data: Mapping[str, object]) -> dict[str, object]:
        return self._group(data, 0)

    def _group(self, data: Mapping[str, object], depth: int) -> dict[str, object]:
        values = {self._text(key): self._value(value, depth + 1) for key, value in data.items()}
        return {key: value for key, value in values.items() if not sandbox.is_blank(value)}

    def _value(self, value: object, depth: int) -> object:
        self._spend(10)
        if depth > DEEPEST_DATA:
            raise TemplateInvalid("The values to put in are nested too deeply.", field=self._field)
        if value is None or type(value) in (bool, int, float):
            return value
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, Mapping):
            return self._group(value, depth)
        if isinstance(value, list | tuple):
            items = [self._value(item, depth + 1) for item in value]
            return [item for item in items if not sandbox.is_blank(item)]
        return self._text(value)

    def _text(self, value: object) -> str:
        # Subclasses may carry methods of their own (Markup would undo the escaping).
        if type(value) is not str:
            raise TypeError(f"Templates take plain values, not {type(value).__name__}.")
        self._spend(len(value))
        return value

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise TemplateInvalid("The values to put in are too large.", field=self._field)
