"""What must come of each upload of a step, and whether it has come: one outcome for one upload, no
more and no less, and only such as that upload can have.

An upload that is overwritten before it is read is told of with what was found in its place, which
may be the next one's content or a part of that, or with no digest at all.
"""

from dataclasses import dataclass

RUNS = ("programmed", "unchanged", "recovered")
OVERTAKEN = ("superseded", "aborted")  # what a newer one, or a deletion, can make of any upload


@dataclass(eq=False)
class Claim:
    """Results as the history has them, or "result:code". digest: None if what was read of the file
    cannot be told. optional: nobody may ever have seen it.
    """

    what: str
    digest: str | None
    allowed: tuple
    optional: bool = False

    @property
    def can_be_overtaken(self):
        return set(OVERTAKEN) <= set(self.allowed)

    def allows(self, outcome):
        result = outcome["result"]
        return result in self.allowed or f"{result}:{outcome['code']}" in self.allowed


class Account:
    def __init__(self):
        self.claims = []

    def expect(self, what, digest, allowed, optional=False):
        self.claims.append(Claim(what, digest, tuple(allowed), optional))

    def settle(self, outcomes):
        """(outcomes that are nobody's, claims that are still to come)"""
        left, strangers = self.claims.copy(), []
        digests = {claim.digest for claim in self.claims}

        def by_certainty(outcome):
            return outcome["sha256"] not in digests, outcome["result"] == "superseded"

        for outcome in sorted(outcomes, key=by_certainty):
            claim = self.own(outcome, left, digests) or self.overwritten(outcome, left, digests)
            if claim:
                left.remove(claim)
            else:
                strangers.append(outcome)
        return strangers, [claim for claim in left if not claim.optional]

    @staticmethod
    def own(outcome, left, digests):
        """The claim of the upload that this can be the outcome of, the surest first."""
        known = outcome["sha256"] in digests
        found = [claim for claim in left if claim.allows(outcome) and
                 (claim.digest == outcome["sha256"] if known else
                  claim.digest is None or not outcome["sha256"])]
        return min(found, key=lambda c: (c.digest is not None, c.optional), default=None)

    @staticmethod
    def overwritten(outcome, left, digests):
        """The claim of an upload in whose place another one's content was found, or a part of it,
        which nobody programs."""
        found = [claim for claim in left if claim.can_be_overtaken]
        credible = outcome["sha256"] in digests or outcome["result"] in OVERTAKEN
        return found[0] if found and credible else None


def describe(outcomes):
    return [(o["id"], o["result"], o["code"], o["sha256"][:8]) for o in outcomes]
