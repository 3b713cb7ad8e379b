"""Names of earlier versions become today's; everything else stays as it is."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dgnet.config import Config, load_config, override_config, parse_config, resolved
from dgnet.core.errors import UserError
from dgnet.core.old_configs import current_config, current_key
from dgnet.core.old_files import current_checkpoint, current_filter_counts, current_recipe, current_report
from dgnet.core.old_keys import MOVED_KEYS
from dgnet.core.settings import override_settings, parse_settings
from dgnet.runs.folder import config_changes
from dgnet.runs.scalars import ScalarTable, read_scalars
from reid_heads.ab_experiment.config import ABConfig
from reid_heads.config import ReIDConfig


def test_a_name_that_holds_dots_stays_whole() -> None:
    rows = {"variants": {"distilled": {"settings": {"head.name": "resnet18_kd", "run.seed": 1}}}}
    assert current_config(rows) == rows


def test_the_model_of_a_re_id_training_was_its_head() -> None:
    assert parse_reid({"head": {"name": "resnet18"}}).model.name == "resnet18"
    assert override_settings(ReIDConfig(), ["head.options={last_stride: 2}"]).model.options == {"last_stride": 2}
    with pytest.raises(UserError, match="head and model"):
        parse_settings(ReIDConfig, {"head": {"name": "resnet18"}, "model": {"name": "resnet18"}}, "both")


def test_the_training_of_an_ab_was_its_head() -> None:
    old = {"head": {"head": {"name": "resnet18"}, "optimiser": {"centre_rate": 0.25}}, "few": {"images": 4}}
    config = parse_settings(ABConfig, old, "old")
    assert (config.training.model.name, config.training.optimizer.center_rate) == ("resnet18", 0.25)
    assert config.subset.images == 4
    changed = override_settings(config, ["head.head.name=resnet34", "head.run.seed=3", "training.head.weights=a.pth"])
    assert (changed.training.model.name, changed.training.run.seed) == ("resnet34", 3)
    assert changed.training.model.weights == Path("a.pth")


def test_an_ab_of_before_goes_on(tmp_path: Path) -> None:
    stored = resolved(ABConfig())
    stored["head"] = stored.pop("training")
    stored["head"]["head"] = stored["head"].pop("model")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(stored))
    assert config_changes(tmp_path, resolved(ABConfig()), (), {}) == []


def test_a_recipe_and_a_result_of_today_stay_as_they_are() -> None:
    recipe = {"data": {"license": "MIT", "root": "people"}, "plans": [{"kind": "per identity"}]}
    assert current_recipe(recipe) == recipe
    assert current_filter_counts([["best 50 % of each identity by diversity", 6, 12]]) == [
        ("best 50 % of each identity by diversity", 6, 12)
    ]


# As the version before section `short_training` wrote them.
OLD: dict[str, Any] = {
    "appearance": {"double_up_to_height": 0, "from_teacher": True, "detach_codes": "of_real_images"},
    "structure": {"mix_colours": True, "surroundings": True},
    "decoder": {"standardise_code": True, "initial_style": 0.1},
    "teacher": {"style": 4, "double_up_to_height": 0},
    "loss": {"image_norm": "l2", "swap_begin": 9, "identity_begin": 8, "teacher": 1.0, "encode_again": 0.25},
    "schedule": {"decay": "linear"},
    "optimiser": {"matrix_rate": 0.02},
    "run": {"merge_batch_statistics": True},
}


def test_settings_that_were_renamed_or_moved_to_another_section(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(yaml.safe_dump(OLD))
    config = load_config(tmp_path / "old.yaml")
    assert config == parse_config(OLD, "a checkpoint")
    assert config.short_training.model_dump() == {
        "from_teacher": True,
        "swap_begin": 9,
        "identity_begin": 8,
        "detach_codes": "of_real_images",
        "mix_colors": True,
        "background": True,
        "standardize_code": True,
        "initial_style": 0.1,
        "image_norm": "l2",
        "edge_weight": 0,
        "muon_rate": 0.02,
        "hide_structure": 0,
        "decay": "linear",
        "merge_batch_statistics": True,
    }
    assert (config.teacher.label, config.loss.teacher_factor) == ("soft_between", 1)
    assert config.loss.structure_encoder_probability == 0.25
    assert config.appearance.upsample_below_height == config.teacher.upsample_below_height == 0


def test_every_moved_setting_is_one_of_today() -> None:
    for new in MOVED_KEYS.values():
        section, name = new.split(".")
        assert name in getattr(Config(), section).model_fields_set | set(resolved(Config())[section]), new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("loss.swap_begin=7", "short_training.swap_begin=7"),
        ("schedule.decay=linear", "short_training.decay=linear"),
        ("teacher.style=3", "teacher.label=lsro"),
        ("loss.teacher=0", "loss.teacher_factor=0"),
        ("loss.fine=0.5", "loss.fine_grained=0.5"),
        ("optimiser.matrix_rate=0.01", "short_training.muon_rate=0.01"),
        ("short_training.matrix_rate=0.01", "short_training.muon_rate=0.01"),
        ("short_training.surroundings=true", "short_training.background=true"),
    ],
)
def test_old_overrides(old: str, new: str) -> None:
    assert override_config(Config(), [old]) == override_config(Config(), [new]) != Config()


def test_a_setting_by_both_names_is_refused() -> None:
    with pytest.raises(UserError, match=r"loss\.swap_begin and short_training\.swap_begin"):
        parse_config({"loss": {"swap_begin": 1}, "short_training": {"swap_begin": 2}}, "both")


def test_settings_move_only_where_the_section_is() -> None:
    config = parse_reid({"schedule": {"decay": "step_20"}})
    assert config.schedule.decay == "step_20" and current_key("schedule.decay") == "schedule.decay"


def parse_reid(values: dict[str, Any]) -> ReIDConfig:
    return ReIDConfig.model_validate(current_config(values, ReIDConfig.model_fields))


def test_a_run_and_a_teacher_s_run_of_before_go_on(tmp_path: Path) -> None:
    config = parse_config(OLD, "old")
    sections = {"data", "teacher", "optimizer", "run"}
    stored = {
        **resolved(config),
        **{
            key: {**resolved(config)[key], **OLD.get(key, {})}
            for key in resolved(config)
            if key not in ("name", "short_training")
        },
    }
    del stored["short_training"]
    stored["optimiser"] = stored.pop("optimizer") | OLD["optimiser"]
    for section in stored.values():
        for today in ("upsample_below_height", "label", "teacher_factor", "structure_encoder_probability"):
            if isinstance(section, dict):
                section.pop(today, None)
    defaults = resolved(Config())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(stored))
    assert config_changes(tmp_path, resolved(config), (), defaults) == []
    with pytest.raises(UserError, match=r"short_training\.swap_begin \(9 there, 10 now\)"):
        config_changes(tmp_path, resolved(override_config(config, ["loss.swap_begin=10"])), (), defaults)
    teacher = {key: value for key, value in stored.items() if key in sections | {"optimiser"}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(teacher))
    wanted = {key: value for key, value in resolved(config).items() if key in sections}
    assert config_changes(tmp_path, wanted, (), defaults) == []
    with pytest.raises(UserError, match="another tool or version"):
        config_changes(tmp_path, resolved(config), (), defaults)


def test_a_run_older_than_a_section_has_its_defaults(tmp_path: Path) -> None:
    stored = resolved(Config())
    del stored["short_training"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(stored))
    assert config_changes(tmp_path, resolved(Config()), (), resolved(Config())) == []


def test_the_columns_of_a_table_of_scalars(tmp_path: Path) -> None:
    path = tmp_path / "scalars.csv"
    path.write_text("iteration,loss/teaching,weight/teaching_fine,learning_rate/matrices\n10,1.0,0.5,0.01\n")
    today = ["loss/soft_label", "weight/fine_grained", "learning_rate/muon"]
    assert read_scalars(path) == [(10, dict(zip(today, (1.0, 0.5, 0.01), strict=True)))]
    ScalarTable(path, through=10).add(20, dict(zip(today, (2.0, 0.5, 0.02), strict=True)))
    assert path.read_text() == f"iteration,{','.join(today)}\n10,1.0,0.5,0.01\n20,2.0,0.5,0.02\n"


@pytest.mark.parametrize("group", ["loss", "weight"])
def test_the_terms_of_the_fine_grained_classifier_of_version_0_2(tmp_path: Path, group: str) -> None:
    path = tmp_path / "scalars.csv"
    path.write_text(f"iteration,{group}/fine,{group}/identity_fine,accuracy/fine\n10,1.0,0.5,0.25\n")
    today = {f"{group}/fine_grained": 1.0, f"{group}/identity_fine_grained": 0.5, "accuracy/fine": 0.25}
    assert read_scalars(path) == [(10, today)]


def test_a_checkpoint_of_today_stays_as_it_is() -> None:
    """A registered model may call its parameters as it likes."""
    state = {
        "kind": "re-ID model",
        "state": {"centres.weight": 1, "optimiser.centre": 2},
        "learning": {"head.centres": 3},
    }
    assert current_checkpoint(state) == state


def test_a_checkpoint_of_version_0_1() -> None:
    old = {"learning": {"objective.centres.centres.0": 1}, "optimisers": {"head": 2, "centres": 3}}
    assert current_checkpoint(old) == {
        "learning": {"objective.centers.centers.0": 1},
        "optimizers": {"head": 2, "centers": 3},
    }


def test_the_optimizer_of_matrices_of_version_0_2() -> None:
    assert current_checkpoint({"optimizers": {"generator": 1, "matrices": 2}}) == {
        "optimizers": {"generator": 1, "muon": 2}
    }


def test_words_are_translated_in_old_reports_alone_and_not_in_names_of_files() -> None:
    metrics = [{"name": "colour", "note": "outputs/greyhound/teacher.pth"}]
    assert current_report({"metrics": metrics})["metrics"] == metrics
    assert current_report({"figures": metrics})["metrics"] == [metrics[0] | {"name": "color"}]
