"""Texts that try to end an argument, a header or a command and begin another one."""

_ENDINGS = (
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\x00\r\n",
    ">\r\n",
    '"\r\n',
    ")\r\n",
    "\\\r\n",
    "\x0b\n",
    "\u2028\r\n",
    " {3+}\r\n",
)
_COMMANDS = ("RCPT TO:<victim@b.test>", "a1 CREATE hacked", "Bcc: victim@b.test")

INJECTIONS = [
    *(f"x@b.test{ending}{command}" for ending in _ENDINGS for command in _COMMANDS),
    "x@b.test> NOTIFY=NEVER",
    "x@b.test><victim@b.test",
    "x@b.test SIZE=1",
    "<x@b.test",
]
