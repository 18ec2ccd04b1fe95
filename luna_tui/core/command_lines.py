"""Read a command line as a shell would, as far as that can be told without running it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

_EXPANDS = frozenset("$`*?[]{}")
_ENDS = frozenset(";|\n()")
_RESERVED = frozenset(
    {"if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "in"}
    | {"function", "select", "time", "coproc", "!", "eval", "source", ".", "exec", "trap", "alias"}
)
"""First words after which the rest is no list of arguments, or a program that the line does not name."""
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "fish"})
_REDIRECTION = re.compile(r"\d*(?:&>>?|>>|>\||>&|<&|<>|>|<)\s*(?:&?[\d-]+(?=[\s;|&)]|$))?")
_HERE_TEXT = re.compile(r"\d*<<")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_WRAPPERS = frozenset(
    {"env", "nice", "nohup", "timeout", "sudo", "doas", "stdbuf", "xargs", "setsid", "command", "ionice"}
    | {"find", "builtin", "busybox", "chroot", "unshare", "strace", "watch", "flock", "parallel", "script"}
)
"""Programs that start another one, whose name stands somewhere among their arguments."""
_MOST_WORDS = 64
"""Of a command that begins with such a program; of a longer one it is not told what it starts."""


@dataclass(slots=True)
class CommandLine:
    """What a command line runs."""

    commands: list[tuple[str, ...]] = field(default_factory=list)
    """The words of each command in it, those inside `sh -c` included."""
    simple: bool = True
    """It is one command, and every word of it is exactly what is written."""
    clear: bool = True
    """Everything that it runs stands in `commands`."""


def read_command_line(text: str, *, depth: int = 0) -> CommandLine:
    """Never raises; what cannot be read is not clear."""
    line = CommandLine()
    _Lexer(text, line).read()
    if len(line.commands) != 1:
        line.simple = False
    for words in tuple(line.commands):
        script = _script(words)
        if script is None:
            continue
        inner = read_command_line(script, depth=depth + 1) if depth < 3 else CommandLine(clear=False)
        line.commands += inner.commands
        line.simple = line.simple and inner.simple
        line.clear = line.clear and inner.clear
    return line


def written(words: Sequence[str]) -> str:
    """Words as a shell would have to be given them; what patterns of commands are matched with."""
    return shlex.join(words)


def guises(words: Sequence[str]) -> list[str]:
    """Every form in which the command may be meant: as it is, by the bare name of its program, and
    without the assignments and programs in front of it."""
    found = []
    for start, word in enumerate(words[:_MOST_WORDS]):
        rest = list(words[start:])
        found += [written(rest), written([word.rpartition("/")[2], *rest[1:]])]
        if word.rpartition("/")[2] not in _WRAPPERS and not _ASSIGNMENT.match(word) and not start:
            break
    return found


def _script(words: Sequence[str]) -> str | None:
    """The text that a shell among the words is given with `-c`."""
    for at, word in enumerate(words):
        if word.rpartition("/")[2] not in _SHELLS:
            continue
        for flag, script in zip(words[at + 1 :], words[at + 2 :], strict=False):
            if re.fullmatch(r"-[a-zA-Z]*c[a-zA-Z]*", flag):
                return script
    return None


class _Lexer:
    """One reading of one text."""

    def __init__(self, text: str, line: CommandLine) -> None:
        self._text = text
        self._at = 0
        self._line = line
        self._words: list[str] = []
        self._word: str | None = None

    def read(self) -> None:
        while self._at < len(self._text):
            self._step(self._text[self._at])
        self._end_command()

    def _step(self, char: str) -> None:
        if char == "'":
            self._quoted()
        elif char == '"':
            self._double_quoted()
        elif char == "\\":
            self._escaped()
        elif char in " \t":
            self._end_word()
            self._at += 1
        elif not self._redirection():
            self._bare(char)

    def _bare(self, char: str) -> None:
        self._at += 1
        if char in _ENDS or char == "&":
            self._line.simple = False
            self._end_command()
            return
        if char in _EXPANDS or (char in "~#!" and self._word is None):
            self._unclear()
        self._add(char)

    def _redirection(self) -> bool:
        if self._text[self._at] not in "<>&" and not self._text[self._at].isdigit():
            return False
        if self._text[self._at].isdigit() and self._word is not None:
            return False
        if _HERE_TEXT.match(self._text, self._at):
            self._unclear()
        found = _REDIRECTION.match(self._text, self._at)
        if found is None:
            return False
        self._end_word()
        self._line.simple = False
        self._at = found.end()
        return True

    def _escaped(self) -> None:
        """A backslash before a line end stands for nothing at all."""
        char = self._text[self._at + 1 : self._at + 2]
        self._at += 2
        if char != "\n":
            self._add(char)
        if not char:
            self._unclear()

    def _quoted(self) -> None:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            self._unclear()
            end = len(self._text)
        self._add(self._text[self._at + 1 : end])
        self._at = end + 1

    def _double_quoted(self) -> None:
        self._at += 1
        self._add("")
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            if char == '"':
                return
            if char in "$`":
                self._unclear()
            if char == "\\" and self._text[self._at : self._at + 1] in ("$", "`", '"', "\\", "\n"):
                char = self._text[self._at].strip("\n")
                self._at += 1
            self._add(char)
        self._unclear()

    def _add(self, text: str) -> None:
        self._word = (self._word or "") + text

    def _end_word(self) -> None:
        if self._word is not None:
            self._words.append(self._word)
        self._word = None

    def _end_command(self) -> None:
        self._end_word()
        if self._words:
            self._line.commands.append(tuple(self._words))
            wraps = self._words[0].rpartition("/")[2] in _WRAPPERS
            if self._words[0] in _RESERVED or (wraps and len(self._words) > _MOST_WORDS):
                self._unclear()
            if _ASSIGNMENT.match(self._words[0]):
                self._line.simple = False
        self._words = []

    def _unclear(self) -> None:
        self._line.simple = self._line.clear = False
