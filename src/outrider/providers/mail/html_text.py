"""The readable text of an HTML body. It makes text only: nothing that comes out of here is ever shown as HTML."""

import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
    ]
)
# Where programs say what words don't: here the quoted mail begins, here a signature.
_QUOTE_MARKS = frozenset(
    ("divrplyfwdmsg", "appendonsend", "olk_src_body_section", "reply-intro", "mailcontainer", "zmail_extra")
)
_SIGNATURE_MARKS = frozenset(
    ("gmail_signature", "moz-signature", "signature", "ms-outlook-mobile-signature", "protonmail_signature_block")
)
_HIDDEN = frozenset(("script", "style", "head", "title", "template", "noscript"))
_DEEPEST_QUOTE = 5
_SPACE = re.compile(r"[ \t\r\n\f\xa0]+")


def text_of(html: str) -> str:
    """Quoted blocks come out with "> " before each line, so that both kinds of body read alike."""
    stripper = _Stripper()
    stripper.feed(html)
    stripper.close()
    return stripper.text()


class _Stripper(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line: list[str] = []
        self._hidden = self._quote = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "body":
            self._hidden = 0  # a head that was never closed hides nothing
        if tag in _BLOCKS or tag == "br":
            self._end_line(force=tag in ("br", "p"))
        elif tag in ("td", "th"):
            self._line.append(" ")
        if tag == "blockquote":
            self._quote += 1
        elif tag in _BLOCKS and attrs and not self._quote and not self._hidden:
            self._mark(attrs)

    def _mark(self, attrs: list[tuple[str, str | None]]) -> None:
        marks = {word for name, value in attrs if name in ("id", "class") and value for word in value.lower().split()}
        if marks & _QUOTE_MARKS:
            self._lines += ["", "_" * 32]
        elif marks & _SIGNATURE_MARKS:
            self._lines += ["", "-- "]

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        if tag in _BLOCKS:
            self._end_line(force=tag == "p")
        if tag == "blockquote":
            self._quote = max(0, self._quote - 1)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._line.append(_SPACE.sub(" ", data))

    def text(self) -> str:
        self._end_line(force=False)
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip()

    def _end_line(self, *, force: bool) -> None:
        line = _SPACE.sub(" ", "".join(self._line)).strip()
        self._line.clear()
        if line or force:
            self._lines.append("> " * min(self._quote, _DEEPEST_QUOTE) + line)
