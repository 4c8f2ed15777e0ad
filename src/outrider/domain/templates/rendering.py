"""Templates that users write: Liquid over plain data, bounded in time and size, with errors that say where.

A mail with a hole in it must not leave: a printed field that is empty and has no `default` holds the send.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, TextIO

from liquid import BoundTemplate, Environment, RenderContext
from liquid.builtin.output import Output, OutputNode
from liquid.exceptions import LiquidError

from outrider.core.errors import Invalid

LONGEST_SOURCE = 50_000
ANYTHING: frozenset[str] = frozenset()
FIELDS: Mapping[str, frozenset[str]] = {
    "recipient": frozenset({"email", "name", "firstName", "lastName", "domain"}),
    "sender": frozenset({"email", "name", "firstName"}),
    "email": frozenset({"subject", "sentAt", "snippet"}),
    "step": frozenset({"number", "total"}),
    "variables": ANYTHING,  # whatever the enrolment brings
}
# They read other templates, of which there are none.
REFUSED_TAGS = ("include", "render", "doc")


class TemplateInvalid(Invalid):
    code = "template_invalid"


class MergeFieldMissing(Invalid):
    """Rendering would leave a hole; `missing` names the field."""

    code = "merge_field_missing"


class _SolidOutput(OutputNode):
    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        before = buffer.tell()
        written = super().render_to_output(context, buffer)
        if buffer.tell() == before:
            name = str(self.expression)
            raise MergeFieldMissing(
                f"There is nothing to put in for {{{{ {name} }}}}. Give it a value, or a default: "
                f"{{{{ {name} | default: 'there' }}}}.",
                missing=name,
            )
        return written


class _SolidOutputTag(Output):
    node_class = _SolidOutput


class _Environment(Environment):
    loop_iteration_limit = 10_000
    output_stream_limit = 200_000
    local_namespace_limit = 100_000
    context_depth_limit = 20

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.add_tag(_SolidOutputTag)
        for name in REFUSED_TAGS:
            self.tags.pop(name, None)


_environment = _Environment(autoescape=False)


def check(source: str, *, field: str) -> None:
    """Raises TemplateInvalid where a template does not parse or names what isn't there; `field` is the body's field."""
    template = _compile(source, field)
    for root, mentions in template.analyze(include_partials=False).globals.items():
        for mention in mentions:
            _check_path(root, [str(part) for part in mention.segments], mention.span.index, source, field)


def render(source: str, data: Mapping[str, Any]) -> str:
    """Renders as plain text. Raises MergeFieldMissing, or TemplateInvalid once a limit is passed."""
    try:
        return _compile(source, "body").render(**data)
    except LiquidError as error:
        raise TemplateInvalid(f"The template can't be rendered: {error.args[0]}", field="body") from None


def _compile(source: str, field: str) -> BoundTemplate:
    if len(source) > LONGEST_SOURCE:
        raise TemplateInvalid(f"A template has at most {LONGEST_SOURCE} characters.", field=field)
    try:
        return _parse(source)
    except LiquidError as error:
        token = getattr(error, "token", None)
        raise _at(
            f"The template does not parse: {error.args[0]}", token.start_index if token else 0, source, field
        ) from None
    except RecursionError:
        raise TemplateInvalid("The template is nested too deeply.", field=field) from None


@lru_cache(maxsize=1000)
def _parse(source: str) -> BoundTemplate:
    return _environment.from_string(source)


def _check_path(root: str, path: list[str], index: int, source: str, field: str) -> None:
    if root not in FIELDS:
        raise _unknown(root, sorted(FIELDS), index, source, field)
    known = FIELDS[root]
    if known is ANYTHING or (len(path) > 1 and path[1] in known):
        return
    raise _unknown(".".join(path[:2]), [f"{root}.{name}" for name in sorted(known)], index, source, field)


def _unknown(name: str, known: list[str], index: int, source: str, field: str) -> TemplateInvalid:
    close = get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}."
    return _at(f"The template names {name}, which does not exist: {hint}", index, source, field)


def _at(message: str, index: int, source: str, field: str) -> TemplateInvalid:
    line = source.count("\n", 0, index) + 1
    column = index - (source.rfind("\n", 0, index) + 1) + 1
    return TemplateInvalid(f"{message} (line {line}, column {column})", field=field, line=line, column=column)
