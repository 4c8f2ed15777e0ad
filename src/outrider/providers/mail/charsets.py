"""Bytes of a mail to text, whatever charset they claim. Never raises, and the result can always be stored."""

from encodings.aliases import aliases

# What a name means in the wild: the superset that mailers really write (as the WHATWG encoding standard has it).
_MEANT = {
    "ascii": "cp1252",
    "latin_1": "cp1252",
    "iso8859_9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso2022_jp": "iso2022_jp_ext",
}
# Python's own codecs that are no charset of any mail; punycode and idna also take quadratic time.
_NOT_CHARSETS = {
    "base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec",
    "idna", "mbcs", "oem", "punycode", "raw_unicode_escape", "undefined", "unicode_escape",
}  # fmt: skip
_LONGEST_NAME = 60
_CHARSETS = frozenset(aliases.values()) - _NOT_CHARSETS | {"cp874", "cp1006", "koi8_u", "utf_8_sig"}


def decode(raw: bytes, charset: str | None) -> str:
    """Decodes by `charset` if that is one and fits, else as UTF-8, else as Windows-1252."""
    for name in (_python_name(charset), "utf_8"):
        if name is None:
            continue
        try:
            return storable(raw.decode(name))
        except (LookupError, ValueError):
            continue
    named = _python_name(charset)
    # A few bad bytes in a text of a multi-byte charset should cost those characters, not the whole text.
    fallback = named if named and charset and not raw.isascii() and named not in ("utf_8", "utf_7") else "cp1252"
    return storable(raw.decode(fallback, "replace"))


def storable(text: str) -> str:
    """Without what PostgreSQL and UTF-8 can't hold: NUL and lone surrogates."""
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _python_name(charset: str | None) -> str | None:
    if not charset or len(charset) > _LONGEST_NAME:
        return None
    name = charset.strip().strip("\"'").lower().replace("-", "_").replace(" ", "_")
    name = aliases.get(name, name)
    if name not in _CHARSETS:
        name = aliases.get(name.replace(".", "_"), name)
    name = _MEANT.get(name, name)
    return name if name in _CHARSETS else None
