"""What every measurement yields: something of ours beside something of somebody else's."""

import statistics
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Spread:
    """What is left of many measurements of the same thing."""

    median: float
    least: float
    most: float
    number: int

    @classmethod
    def of(cls, values):
        return cls(statistics.median(values), min(values), max(values), len(values))

    def text(self, unit):
        return f"{self.median:.3g} {unit} ({self.least:.3g} to {self.most:.3g})"


@dataclass(frozen=True)
class Comparison:
    """ratios: measure -> ours divided by theirs; less is better, and the first is the one that is
    shown. Empty where there is nothing to divide by."""

    part: str  # "wire", "latency", "idle" or "checker"
    case: str
    against: str
    ratios: dict
    ours: str  # for people
    theirs: str
    target: float | None = None  # of the first ratio: what the project has set itself
    data: dict = field(default_factory=dict)  # for programs

    def named_ratios(self):
        """By the names that they have among the committed ones."""
        return {f"{self.case}, {measure} against {self.against}": ratio
                for measure, ratio in self.ratios.items()}

    def shown_ratio(self):
        return next(iter(self.ratios.values()), None)

    def as_dict(self):
        return asdict(self)
