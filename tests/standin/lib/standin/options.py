"""OpenOCD's command line, as getopt_long reads it there."""

SHORT = {"h": 0, "v": 0, "d": 0, "l": 1, "s": 1, "f": 1, "c": 1}
LONG = {"help": "h", "version": "v", "debug": "d", "log_output": "l", "search": "s", "file": "f",
        "command": "c"}


class Usage(Exception):
    """What the real program says before it exits with 1."""


def parse(argv):
    """OpenOCD's options as (letter, argument), in order. -d takes its argument only attached."""
    options, i = [], 1
    while i < len(argv):
        word = argv[i]
        i += 1
        if word.startswith("--") and len(word) > 2:
            name, attached, value = word[2:].partition("=")
            letter = LONG.get(name)
            if not letter:
                raise Usage(f"{argv[0]}: unrecognized option '{word}'")
        elif word.startswith("-") and len(word) > 1:
            letter, value = word[1], word[2:]
            attached = value
            if letter not in SHORT:
                raise Usage(f"{argv[0]}: invalid option -- '{letter}'")
        else:
            raise Usage(f"Unexpected command line argument: {word}")
        if SHORT[letter] and not attached:
            if i == len(argv):
                long, short = f"'{word}' requires an argument", f"requires an argument -- '{letter}'"
                raise Usage(f"{argv[0]}: option {long if word[1] == '-' else short}")
            value = argv[i]
            i += 1
        options.append((letter, value))
    return options
