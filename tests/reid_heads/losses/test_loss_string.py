"""The loss as its users write it."""

import pytest

from dgnet.core.errors import UserError
from reid_heads.losses.loss_string import LossTerm, parse_loss


def test_terms_come_in_their_order() -> None:
    assert parse_loss("1*CrossEntropy+2*Triplet+0.005*CenterLoss") == (
        LossTerm(1, "CrossEntropy"),
        LossTerm(2, "Triplet"),
        LossTerm(0.005, "CenterLoss"),
    )


def test_spaces_exponents_and_missing_weights() -> None:
    assert parse_loss("CrossEntropy + 1e+2*MSMLoss + .5*SoftTriplet + 5e-4*CenterLoss") == (
        LossTerm(1, "CrossEntropy"),
        LossTerm(100, "MSMLoss"),
        LossTerm(0.5, "SoftTriplet"),
        LossTerm(5e-4, "CenterLoss"),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1*CrossEntropy+2*Triplett", ["'Triplett'", "did you mean Triplet?", "CrossEntropy, Triplet, SoftTriplet"]),
        ("1*crossentropy", ["'crossentropy'", "MSMLoss"]),
        ("1*Quadruplet", ["'Quadruplet'", "CenterLoss"]),
        ("", ["''"]),
        ("1*CrossEntropy+", ["unknown term ''"]),
        ("2Triplet", ["did you mean Triplet?"]),
        ("x*Triplet", ["'x'", "above 0"]),
        ("0*Triplet", ["'0'", "above 0"]),
        ("-1*Triplet", ["'-1'", "above 0"]),
        ("*Triplet", ["''", "above 0"]),
        ("1e999*Triplet", ["above 0"]),
        ("1*2*Triplet", ["'1*2'"]),
        ("1*Triplet+2*Triplet", ["Triplet is there twice"]),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_terms(text: str, words: list[str]) -> None:
    with pytest.raises(UserError) as refused:
        parse_loss(text)
    for word in [repr(text), *words]:
        assert word in str(refused.value)
