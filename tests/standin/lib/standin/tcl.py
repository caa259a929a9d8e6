"""Tcl's words, as far as a command line needs them; what would be evaluated is an error here."""


class TclError(Exception):
    pass


ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _escape(text, i):
    """The character that the backslash at text[i] and what follows stand for, and where it ends."""
    c = text[i + 1 : i + 2]
    if not c:
        return "\\", i + 1
    if c == "\n":
        i += 2
        while text[i : i + 1] in (" ", "\t"):
            i += 1
        return None, i
    if c in "xuU01234567":
        raise TclError("the stand-in knows no numeric escapes")
    return ESCAPES.get(c, c), i + 2


def _braced(text, i):
    depth, start = 1, i + 1
    i = start
    while i < len(text):
        if text[i] == "\\":
            i += 2
            continue
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            if text[i + 1 : i + 2] not in ("", " ", "\t", "\n", ";"):
                raise TclError("extra characters after close-brace")
            return text[start:i], i + 1
        i += 1
    raise TclError("missing close-brace")


def _bare(text, i):
    word = []
    quoted = text[i] == '"'
    i += quoted
    while i < len(text):
        c = text[i]
        if c == '"' and quoted:
            return "".join(word), i + 1
        if not quoted and c in " \t\n;":
            break
        if c in "$[":
            raise TclError(f"{c} would be evaluated")
        if c == "\\":
            c, i = _escape(text, i)
            if c is None:
                if not quoted:
                    break
                c = " "
            word.append(c)
            continue
        word.append(c)
        i += 1
    if quoted:
        raise TclError("missing quote")
    return "".join(word), i


def commands(text):
    """Splits a script into commands, each a list of words."""
    result, words, i = [], [], 0
    while i < len(text):
        c = text[i]
        if c in " \t":
            i += 1
        elif c in ";\n":
            result.append(words)
            words = []
            i += 1
        else:
            word, i = _braced(text, i) if c == "{" else _bare(text, i)
            words.append(word)
    result.append(words)
    return [words for words in result if words]
