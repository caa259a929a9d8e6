"""The committed ratios (ratios.json): those of the last run that was accepted. Nothing may get
worse than they are, by more than its part of a run is known to vary."""

import json
import pathlib

PATH = pathlib.Path(__file__).with_name("ratios.json")

# How many times the accepted ratio is still as good. The wire is counted and so the same each time,
# but for what another OpenOCD or compiler does; all else is measured on whatever machine it is.
SLACK = {"wire": 1.01, "latency": 2.0, "idle": 1.5, "checker": 1.5}


def read(path=PATH):
    """{part: {name: ratio}}"""
    return json.loads(path.read_text(encoding="utf-8"))["ratios"]


def ratios(comparisons):
    found = {}
    for comparison in comparisons:
        found.setdefault(comparison.part, {}).update(comparison.named_ratios())
    return found


def write(comparisons, date, path=PATH):
    rounded = {part: {name: float(f"{ratio:.4g}") for name, ratio in of_part.items()}
               for part, of_part in ratios(comparisons).items()}
    path.write_text(json.dumps({"date": date, "ratios": rounded}, indent=4) + "\n",
                    encoding="utf-8")


def complaints(comparisons, accepted, left_out=()):
    """A sentence for each ratio that is worse, missing or unknown. What was left out is none."""
    found = ratios(comparisons)
    for part in SLACK:
        if part not in left_out:
            yield from complaints_of_part(part, found.get(part, {}), accepted.get(part, {}))


def complaints_of_part(part, found, accepted):
    for name, limit in accepted.items():
        if name not in found:
            yield f"{part}: {name}: not measured, but there is an accepted ratio"
        elif found[name] > limit * SLACK[part]:
            yield f"{part}: {name}: {found[name]:.4g}, accepted {limit:.4g}"
    for name in found.keys() - accepted.keys():
        yield f"{part}: {name}: measured, but there is no accepted ratio (--accept writes it)"
