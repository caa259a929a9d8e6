"""The account itself: it finds what is missing, what is too much, and what cannot be."""

import pytest

from accounts import OVERTAKEN, Account

A, B, C = "a" * 64, "b" * 64, "c" * 64


def outcome(number, result, digest="", code="ok"):
    return {"id": number, "result": result, "code": code, "sha256": digest}


@pytest.fixture
def account():
    """An upload that a newer one may overtake."""
    account = Account()
    account.expect("first", A, ["programmed", *OVERTAKEN])
    account.expect("second", B, ["programmed", "unchanged"])
    return account


@pytest.mark.parametrize("first", [outcome(1, "programmed", A), outcome(1, "superseded", A),
                                   outcome(1, "superseded"), outcome(1, "superseded", B),
                                   outcome(1, "superseded", C)],
                         ids=["programmed", "overtaken", "unread", "overwritten", "part"])
def test_each_has_one(account, first):
    assert account.settle([first, outcome(2, "programmed", B)]) == ([], [])


def test_one_is_missing(account):
    strangers, missing = account.settle([outcome(1, "superseded", A)])
    assert (strangers, [claim.what for claim in missing]) == ([], ["second"])


@pytest.mark.parametrize("third", [outcome(3, "superseded"), outcome(3, "programmed", B),
                                   outcome(3, "unchanged", A), outcome(3, "programmed", C)])
def test_one_too_many(account, third):
    both = [outcome(1, "programmed", A), outcome(2, "programmed", B)]
    assert account.settle([*both, third]) == ([third], [])


def test_the_last_one_is_not_overtaken(account):
    """Of the two, one is left over, and the second one's claim stays."""
    strangers, missing = account.settle([outcome(1, "superseded", A), outcome(2, "superseded", B)])
    assert (len(strangers), [claim.what for claim in missing]) == (1, ["second"])


def test_another_code():
    account = Account()
    account.expect("bad", A, ["rejected:not-elf"])
    wrong = outcome(1, "rejected", A, "truncated")
    assert account.settle([wrong])[0] == [wrong]


def test_one_that_nobody_may_have_seen():
    account = Account()
    account.expect("unseen", A, ["programmed", *OVERTAKEN], optional=True)
    assert account.settle([]) == ([], [])
    assert account.settle([outcome(1, "aborted")]) == ([], [])
