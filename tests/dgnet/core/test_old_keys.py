"""Names of earlier versions become today's; everything else stays as it is."""

import doctest

import dgnet.core.old_keys
from dgnet.core.old_keys import current_config, current_filter_counts, current_recipe


def test_examples() -> None:
    result = doctest.testmod(dgnet.core.old_keys)
    assert result.attempted >= 6 and result.failed == 0


def test_a_name_that_holds_dots_stays_whole() -> None:
    rows = {"rows": {"distilled": {"settings": {"head.name": "resnet18_kd", "run.seed": 1}}}}
    assert current_config(rows) == rows


def test_a_recipe_and_a_result_of_today_stay_as_they_are() -> None:
    recipe = {"data": {"license": "MIT", "root": "people"}, "plans": [{"kind": "per identity"}]}
    assert current_recipe(recipe) == recipe
    assert current_filter_counts([["best 50 % of each identity by diversity", 6, 12]]) == [
        ("best 50 % of each identity by diversity", 6, 12)
    ]
