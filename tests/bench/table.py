"""The one table, for terminals and for the README."""

HEAD = ("ratio", "target", "what", "m4flash", "compared with")
NO_RATIO = "-"
LEGEND = ("Ratio: what m4flash takes, divided by what the other does (clocks on the wire, median "
          "time, memory).\nTimes: median (minimum to maximum). Target: the project's own.")


def row(comparison):
    ratio, target = comparison.shown_ratio(), comparison.target
    return (NO_RATIO if ratio is None else f"{ratio:.3g}",
            "" if target is None else f"{target:g}", comparison.case, comparison.ours,
            f"{comparison.against}: {comparison.theirs}")


def plain(comparisons):
    rows = [HEAD, *map(row, comparisons)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip()
                     for cells in rows)


def markdown(comparisons):
    rows = [HEAD, ("---:", "---:", *["---"] * (len(HEAD) - 2)), *map(row, comparisons)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
