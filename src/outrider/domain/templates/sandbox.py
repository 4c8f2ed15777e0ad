"""Liquid cut down to what a mail needs, and bounded: no template reads more than its data or holds up the server.

The library bounds one loop, one output and the names a template keeps. It does not bound parsing (its patterns
backtrack), ranges, the results of filters or all loops together; that is done here.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NoReturn, TextIO

from liquid import BoundTemplate, Environment, RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression, LoopExpression, Nil, Path, StringLiteral
from liquid.builtin.expressions.primitive import Blank, Empty, RangeLiteral
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.assign_tag import AssignNode, AssignTag
from liquid.builtin.tags.for_tag import ForLoop, ForNode, ForTag
from liquid.builtin.tags.tablerow_tag import TableRow
from liquid.exceptions import LiquidError, LiquidTypeError, LoopIterationLimitError, ResourceLimitError
from liquid.expression import Expression
from liquid.output import LimitedStringIO
from liquid.stringify import to_liquid_string
from liquid.token import TOKEN_CONTENT, TOKEN_ILLEGAL, TOKEN_OUTPUT, TOKEN_TAG, Token
from liquid.undefined import UNDEFINED, is_undefined

from outrider.domain.templates.filters import FILTERS, bounded
from outrider.domain.templates.markup import Unusable, check_markup

LONGEST_SOURCE = 20_000
MOST_ITERATIONS = 10_000
MOST_OUTPUT = 200_000  # bytes
MOST_NAMESPACE = 100_000  # bytes
DEEPEST = 20
MOST_CPU = 0.04  # seconds of this thread; an honest template takes less than one hundredth of it

# No include or render: they read other templates, of which there are none.
TAGS = ("if", "unless", "case", "for", "break", "continue", "assign", "capture", "comment", "#")
BLOCKS = ("if", "unless", "case", "for", "capture", "comment")

# What the library lets through besides its own errors when a template uses odd arguments.
FAILURES = (LiquidError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)


class Context(RenderContext):
    """A rendering in progress: the time it has left, and the fields it found empty."""

    __slots__ = ("_ends", "_iterations", "missing")

    def __init__(self, template: BoundTemplate, data: Mapping[str, object]) -> None:
        # The library's own two names would print this machine's clock.
        super().__init__(template, globals=template.make_globals({"now": None, "today": None, **data}))
        self.missing: dict[str, None] = {}  # in order, each once
        self._iterations = 0
        self._ends = time.thread_time() + MOST_CPU

    def get(self, path: list[object], *, token: Token | None, default: object = UNDEFINED) -> object:
        self.check_time()
        return super().get(path, token=token, default=default)

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        self.check_time()
        return super().filter(name, token)

    def assign(self, key: str, val: Any) -> None:
        self.check_time()
        super().assign(key, val)

    @contextmanager
    def loop(self, namespace: Mapping[str, object], forloop: ForLoop | TableRow) -> Iterator[RenderContext]:
        forloop.it = self._counted(forloop.it)
        with super().loop(namespace, forloop) as context:
            yield context

    def check_time(self) -> None:
        if time.thread_time() > self._ends:
            raise ResourceLimitError("it takes too long", token=None)

    def _counted(self, items: Iterator[object]) -> Iterator[object]:
        # The library's limit is on one loop with those around it; a hundred loops in a row would pass it.
        for item in items:
            self._iterations += 1
            if self._iterations > MOST_ITERATIONS:
                raise LoopIterationLimitError(f"its loops run more than {MOST_ITERATIONS} times", token=None)
            self.check_time()
            yield item


def compiled(source: str, *, is_html: bool) -> BoundTemplate:
    """Returns the parsed template. Raises Unusable."""
    if len(source) > LONGEST_SOURCE:
        raise Unusable(f"A template has at most {LONGEST_SOURCE} characters.")
    return _compiled(source, is_html)


def run(template: BoundTemplate, data: Mapping[str, object]) -> tuple[str, list[str]]:
    """Returns the text and the printed fields that were empty. Raises Unusable when a limit is passed."""
    context, output = Context(template, data), LimitedStringIO(limit=MOST_OUTPUT)
    try:
        template.render_with_context(context, output)
    except FAILURES as error:
        if not context.missing:  # else the failure follows from the hole
            token = error.token if isinstance(error, LiquidError) else None
            raise Unusable(f"The template can't be rendered: {_said(error)}.", _index(token)) from None
    return output.getvalue(), list(context.missing)


@lru_cache(maxsize=128)
def _compiled(source: str, is_html: bool) -> BoundTemplate:
    check_markup(source)
    try:
        template = _ENVIRONMENTS[is_html].from_string(source)
        _check_tree(template)
    except RecursionError:
        raise Unusable("The template is nested too deeply.") from None
    except LiquidError as error:
        if isinstance(error.__cause__, RecursionError):
            raise Unusable("The template is nested too deeply.") from None
        index = _index(error.token)
        raise Unusable(
            f"The template does not parse: {_said(error)}.", _unclosed_block(source) if index is None else index
        ) from None
    return template


def _unclosed_block(source: str) -> int | None:
    opened: list[Token] = []
    for token in _ENVIRONMENTS[False].tokenizer()(source):
        if token.kind == TOKEN_TAG and token.value.startswith("end") and opened:
            opened.pop()
        elif token.kind == TOKEN_TAG and token.value in BLOCKS:
            opened.append(token)
    return opened[-1].start_index if opened else None


def _check_tree(template: BoundTemplate) -> None:
    static = RenderContext(template)
    nodes: list[Node] = list(template.nodes)
    while nodes:
        node = nodes.pop()
        nodes.extend(node.children(static, include_partials=False))
        for expression in node.expressions():
            _check_expression(expression)


def _check_expression(expression: Expression) -> None:
    pending = [expression]
    while pending:
        each = pending.pop()
        children = each.children()
        if isinstance(each, LoopExpression) and isinstance(each.iterable, RangeLiteral):
            children = [child for child in children if child is not each.iterable] + each.iterable.children()
        elif isinstance(each, RangeLiteral):
            # As a value it would be walked by filters and `contains`, however long.
            raise LiquidTypeError("a range such as (1..3) can only stand after `in`", token=each.token)
        if isinstance(each, Path) and any(child.children() for child in children):
            # The analysis of names takes quadratic time over brackets in brackets.
            raise LiquidTypeError("what stands in brackets can't have brackets itself", token=each.token)
        _treat_blank_as_nil(each)
        pending.extend(children)


def _treat_blank_as_nil(comparison: Expression) -> None:
    # Empty values never reach a template, so `x != ""` and `x != blank` must ask for nil.
    if isinstance(comparison, FilteredExpression):
        return
    for side in ("left", "right"):
        operand = getattr(comparison, side, None)
        if isinstance(operand, Blank | Empty) or (isinstance(operand, StringLiteral) and not operand.value.strip()):
            setattr(comparison, side, Nil(operand.token))


def _evaluate(expression: FilteredExpression, context: Context) -> object:
    """Evaluates a chain of filters, noting empty fields that a filter other than `default` would cover up."""
    value = expression.left.evaluate(context)
    for each in expression.filters or ():
        is_hole = is_blank(value) and isinstance(expression.left, Path)
        if each.name != "default":
            for argument in each.children():
                if isinstance(argument, Path) and is_blank(argument.evaluate(context)):
                    context.missing[str(argument)] = None
        value = each.evaluate(value, context)
        if is_hole and each.name != "default" and not is_blank(value):
            context.missing[str(expression.left)] = None
    return value


def is_blank(value: object) -> bool:
    """Whether nothing would be seen of a value. Zero and false can be seen."""
    if isinstance(value, str):
        return not any(char.isprintable() and not char.isspace() for char in value)
    return value is None or is_undefined(value) or (isinstance(value, list | dict) and not value)


class _Field(OutputNode):
    __slots__ = ()
    expression: FilteredExpression

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        assert isinstance(context, Context)  # noqa: S101  # no other kind is ever made
        value = _evaluate(self.expression, context)
        left = self.expression.left
        if is_blank(value):
            if isinstance(left, Path):
                context.missing[str(left)] = None
            return 0
        if isinstance(value, Mapping | list | tuple):
            raise LiquidTypeError(f"{left} is a list or a group, not a text", token=left.token)
        return buffer.write(to_liquid_string(value, context.autoescape))


class _FieldTag(Output):
    node_class = _Field


class _Assign(AssignNode):
    __slots__ = ()
    expression: FilteredExpression

    def render_to_output(self, context: RenderContext, _: TextIO) -> int:
        assert isinstance(context, Context)  # noqa: S101  # no other kind is ever made
        context.assign(self.name, _evaluate(self.expression, context))
        return 0


class _AssignTag(AssignTag):
    node_class = _Assign


class _For(ForNode):
    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        items = self.expression.iterable.evaluate(context)
        # Checked before the loop starts: `reversed` would build the whole list first.
        if isinstance(items, range) and items.stop - items.start > MOST_ITERATIONS:
            raise LoopIterationLimitError(f"its loops run more than {MOST_ITERATIONS} times", token=self.token)
        return super().render_to_output(context, buffer)


class _ForTag(ForTag):
    node_class = _For


class _Environment(Environment):
    block_nesting_limit = DEEPEST
    context_depth_limit = DEEPEST
    loop_iteration_limit = MOST_ITERATIONS
    output_stream_limit = MOST_OUTPUT
    local_namespace_limit = MOST_NAMESPACE

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        for tag in (_FieldTag, _AssignTag, _ForTag):
            self.add_tag(tag)
        kept = (TOKEN_CONTENT, TOKEN_OUTPUT, TOKEN_ILLEGAL, *TAGS)
        self.tags = {name: self.tags[name] for name in kept}
        self.filters = {name: bounded(name, ours or self.filters[name]) for name, ours in FILTERS.items()}

    def error(
        self, exc: type[LiquidError] | LiquidError, msg: str | None = None, token: Token | None = None
    ) -> NoReturn:
        """Gives an error that has no place the place of the field or tag it is in."""
        raised = exc if isinstance(exc, LiquidError) else exc(msg, token=token)
        if _index(raised.token) is None and _index(token) is not None:
            raised.token = token
        raise raised


_ENVIRONMENTS = {False: _Environment(autoescape=False), True: _Environment(autoescape=True)}


def _said(error: BaseException) -> str:
    return str(error.args[0]).rstrip(".") if error.args else type(error).__name__


def _index(token: Token | None) -> int | None:
    return token.start_index if token is not None and token.start_index >= 0 else None
