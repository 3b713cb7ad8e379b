"""Names that earlier versions wrote into their files -> the names of today.

This is the only place that knows old names: whoever renames a key adds a line here. Every reader passes what it read
through a function of `dgnet.core.old_configs` or `dgnet.core.old_files`, so that a run, a checkpoint or a set of an
earlier version opens and goes on.
"""

from typing import Any

# Dotted keys of configurations: a section, or a setting by its old section. Sections are renamed first.
CONFIG_KEYS: dict[str, str] = {
    "optimiser": "optimizer",
    "optimizer.centre_rate": "optimizer.center_rate",
    "appearance.head": "appearance.model",
    "data.each_pass": "data.epoch_mode",
    "appearance.double_up_to_height": "appearance.upsample_below_height",
    "teacher.double_up_to_height": "teacher.upsample_below_height",
    "teacher.style": "teacher.label",
    "loss.encode_again": "loss.structure_encoder_probability",
    "loss.teacher": "loss.teacher_factor",
    "loss.fine": "loss.fine_grained",
    "short_training.matrix_rate": "short_training.muon_rate",
    "short_training.surroundings": "short_training.background",
    # Of a re-ID model's training.
    "head": "model",
    # Of an A/B.
    "few": "subset",
    "elsewhere": "target_domain",
    "rows": "variants",
}

# The same for settings that moved to another section, in configurations that have that section.
MOVED_KEYS: dict[str, str] = {
    "appearance.detach_codes": "short_training.detach_codes",
    "appearance.from_teacher": "short_training.from_teacher",
    "decoder.initial_style": "short_training.initial_style",
    "decoder.standardise_code": "short_training.standardize_code",
    "decoder.standardize_code": "short_training.standardize_code",
    "loss.identity_begin": "short_training.identity_begin",
    "loss.image_norm": "short_training.image_norm",
    "loss.swap_begin": "short_training.swap_begin",
    "optimizer.matrix_rate": "short_training.muon_rate",
    "run.merge_batch_statistics": "short_training.merge_batch_statistics",
    "schedule.decay": "short_training.decay",
    "structure.mix_colors": "short_training.mix_colors",
    "structure.mix_colours": "short_training.mix_colors",
    "structure.surroundings": "short_training.background",
}

# A section that is new -> one that the configurations which have it always had.
NEW_SECTIONS: dict[str, str] = {"short_training": "discriminator"}

# All settings of a re-ID model's training stand in this section of an A/B; versions before 0.3 called it "head".
AB_SECTION, OLD_AB_SECTION = "training", "head"

# (dotted key of today, old value) -> value.
CONFIG_VALUES: dict[tuple[str, Any], Any] = {
    ("structure.input", "grey"): "gray",
    ("generated.label", "unlabelled"): "unlabeled",
    # The numbers of the official release.
    ("teacher.label", 0): "soft",
    ("teacher.label", 1): "hard",
    ("teacher.label", 2): "appearance",
    ("teacher.label", 3): "lsro",
    ("teacher.label", 4): "soft_between",
}

# Entries of a checkpoint, and of the dictionaries in it ("entry/key").
CHECKPOINT_KEYS: dict[str, str] = {
    "optimiser": "optimizer",
    "optimisers": "optimizers",
    "optimizers/centres": "centers",
    "optimizers/matrices": "muon",
}

# How parameters of earlier versions begin in the state dicts of a checkpoint: (entry, old prefix, prefix of today).
# Models may have any names for their own parameters, so nothing else is translated.
STATE_PREFIXES: tuple[tuple[str, str, str], ...] = (
    ("generator", "decoder.standardise.", "decoder.standardize."),
    ("generator", "structure.surroundings.", "structure.background."),
    ("generator", "structure.masks_and_reading.", "structure.masks_and_attention."),
    ("generator", "structure.placed.", "structure.with_position."),
    ("generator", "structure.place", "structure.position"),
    ("generator", "decoder.light.", "decoder.relighting."),
    ("learning", "objective.centres.centres.", "objective.centers.centers."),
)

# Options in a teacher's file.
TEACHER_OPTIONS: dict[str, str] = {"double_up_to_height": "upsample_below_height"}

# Terms in the columns of `scalars.csv`, behind "loss/" and "weight/".
TERMS: dict[str, str] = {
    "teaching": "soft_label",
    "teaching_fine": "fine_grained",
    "fine": "fine_grained",
    "identity_fine": "identity_fine_grained",
}

# Optimizers in the columns of `scalars.csv`, behind "learning_rate/".
RATES: dict[str, str] = {"matrices": "muon"}

# Dotted keys of `set.json`, the recipe of a generated set.
RECIPE_KEYS: dict[str, str] = {"data.licence": "data.license"}

# The result of one run of an A/B, and the folder of these results.
AB_RESULT_KEYS: dict[str, str] = {"row": "variant", "dropped": "filter_counts"}
AB_RESULTS_FOLDER = "rows"

# What the name of the independent classifier's run ends with: "_classifier" today.
OLD_CLASSIFIER_SUFFIX = "_witness"

# Options of the command line -> what they are called today, the first name that the parser of a tool knows; a tool that
# still has an option of the old name means that one.
OPTIONS: dict[str, tuple[str, ...]] = {
    "--licence": ("--license",),
    "--neighbours": ("--neighbors",),
    "--which-epoch": ("--iteration",),
    "--to": ("--output",),
    "--people": ("--identities",),
    "--batch": ("--batch-size",),
    "--witness": ("--classifier",),
    "--pairs": ("--pairs-file", "--pairs-per-identity", "--count"),
    "--most": ("--count",),
    "--json": ("--output",),
    "--save": ("--features-folder",),
    "--model-path": ("--name",),
}

# Entries of report.json.
REPORT_KEYS: dict[str, str] = {"figures": "metrics"}

# Words in the names, protocols and notes of a report's metrics, so that reports of two versions can be compared.
REPORT_WORDS: dict[str, str] = {
    "recoloured": "recolored",
    "neighbour": "neighbor",
    "colour": "color",
    "grey": "gray",
    "Who is it?": "Identification",
    "generated image named as its": "generated image classified as its",
    "a blind guess": "chance",
    "the classifier itself, right about real images": "accuracy of the classifier on real images",
    "PSNR over the best trivial answer": "PSNR gain over the best simple answer",
    "PSNR over painted": "PSNR gain over the painted outline",
    "pairs won": "swaps nearer to the truth than all answers without a model",
    "generated image classified as its appearance": "swaps recognized as the person of the appearance",
    "generated image classified as its structure": "swaps recognized as the person of the structure",
    "accuracy of the classifier on real images": "real images recognized",
    **{f"{measure}, generated": f"{measure} of the swaps" for measure in ("PSNR", "SSIM")},
    **{f"{measure}, painted": f"{measure} of the painted outline" for measure in ("PSNR", "SSIM")},
}
