"""Settings of small runs of version 0.1, in its own keys: as small as it accepts, with every option used somewhere."""

from typing import Any

PEOPLE = {"layout": "market1501", "root": "people", "height": 64, "width": 48, "pad": 3}
RESNET18 = {"backbone": "resnet18", "last_stride": 2, "double_up_to_height": 0}
RUN = {"batch_size": 2, "device": "cpu", "log_every": 1, "image_every": 2, "checkpoint_every": 10}
TEACHER = {**RESNET18, "epochs": 2, "batch_size": 4, "learning_rate": 0.01}
TEACHER_FILE = "outputs/teacher/teacher.pth"
NARROW: dict[str, Any] = {
    "structure": {"channels": 2, "residual_blocks": 1},
    "decoder": {"style_hidden": 8},
    "discriminator": {"channels": 2, "residual_blocks": 1},
}

# What configs/demo.yaml has otherwise than the paper, at a small size and begun early.
DEMO: dict[str, Any] = {
    "data": {
        "layout": "synthetic",
        "root": "people_demo",
        "synthetic": {"train_identities": 3, "test_identities": 2, "images_per_identity": 4},
        "height": 64,
        "width": 48,
        "pad": 4,
        "erasing": 0,
    },
    "appearance": {
        **RESNET18,
        "from_teacher": True,
        "primary_dropout": 0.2,
        "fine_dropout": 0.2,
        "detach_codes": "of_real_images",
    },
    "structure": {"channels": 2, "residual_blocks": 1, "input": "edge", "mix_colours": True, "surroundings": True},
    "decoder": {"style_hidden": 8, "standardise_code": True, "initial_style": 0.1},
    "discriminator": {"channels": 2, "residual_blocks": 1, "scales": 2},
    "teacher": {**TEACHER, "trunk_factor": 1},
    "loss": {
        "adversarial": 0.1,
        "image_norm": "l2",
        "self_reconstruction": 0,
        "same_identity_reconstruction": 20,
        "positive_identity": 0,
        "generated_identity": 1.2,
        "appearance_code": 0.5,
        "structure_code": 1,
        "cycle": 0,
        "swap_begin": 2,
        "identity_begin": 1,
        "code_ramp_begin": 0,
        "ramp_rate": 0.5,
        "teacher": 1,
        "teacher_ramp_begin": 2,
    },
    "schedule": {"iterations": 4, "decay": "linear", "step_size": 1},
    "optimiser": {
        "generator_rate": 1.0e-3,
        "matrix_rate": 0.02,
        "appearance_rate": 1.0e-3,
        "adam_beta1": 0.5,
        "adam_beta2": 0.99,
        "weight_decay": 1.0e-5,
    },
    "run": {**RUN, "merge_batch_statistics": True},
}

# name of the file below settings/ -> what it holds
GENERATORS: dict[str, dict[str, Any]] = {
    # The paper's recipe: all terms, gray structure input, trunks that double small images.
    "paper": {
        "name": "paper",
        "data": PEOPLE,
        "appearance": {"backbone": "resnet18"},
        **NARROW,
        "teacher": {**TEACHER, "checkpoints": [TEACHER_FILE]},
        "loss": {"code_ramp_begin": 1, "teacher_ramp_begin": 1, "ramp_rate": 0.5},
        "schedule": {"iterations": 4, "step_size": 3},
        "run": RUN,
    },
    "demo": {"name": "demo", **DEMO},
    "demo_half": {
        "name": "demo_half",
        **DEMO,
        "teacher": {**DEMO["teacher"], "checkpoints": ["outputs/demo_teacher/teacher.pth"]},
    },
    # A re-ID model as the appearance encoder; soft labels of both sources, codes that carry gradients, an accumulated
    # batch.
    "student": {
        "name": "student",
        "data": PEOPLE,
        "appearance": {"head": "resnet18", "pooling": "avg", "detach_codes": "never"},
        **NARROW,
        "teacher": {**TEACHER, "checkpoints": [TEACHER_FILE], "style": 4},
        "discriminator": {"channels": 2, "residual_blocks": 1, "kind": "nsgan"},
        "loss": {"code_ramp_begin": 0, "teacher_ramp_begin": 0, "ramp_rate": 0.5, "encode_again": 1},
        "schedule": {"iterations": 3, "step_size": 2},
        "run": {**RUN, "batch_size": 4, "accumulate": 2},
    },
}

HEAD: dict[str, Any] = {
    "schedule": {"epochs": 2, "warmup_epochs": 1, "decay": "step_1"},
    "run": {"device": "cpu", "log_every": 1},
}
BATCH = {**PEOPLE, "identities": 3, "images_per_identity": 2}
HEADS: dict[str, dict[str, Any]] = {
    "bnneck": {
        **HEAD,
        "name": "bnneck",
        "data": BATCH,
        "head": {"name": "resnet18", "options": {"last_stride": 2}},
        "loss": {"terms": "1*CrossEntropy+1*Triplet+0.0005*CenterLoss"},
        "optimiser": {"amsgrad": True, "centre_rate": 0.4},
    },
    "distilled": {
        **HEAD,
        "name": "distilled",
        "data": {**BATCH, "border": "black"},
        "head": {"name": "resnet18_kd"},
        "distillation": {
            "teacher_stage": 3,
            "stage_features": 0.03,
            "stage_logits": 1.0,
            "stage_cross_entropy": 1.0,
            "offline_similarity": 0.5,
            "teacher": "BNNECK",  # filled in when that file has its name
        },
        "generated": {
            "source": "sets/whole",
            "share": 0.25,
            "label": "soft_between",
            "teacher": ["outputs/demo_teacher/teacher.pth"],
            "in_metric": True,
            "weight": 0.5,
            "filters": [{"score": "identity_consistency", "best": 0.5}],
        },
        "optimiser": {"name": "SGD", "learning_rate": 0.01},
        "test": {"re_rank": True},
    },
    "mgn": {
        **HEAD,
        "name": "mgn",
        "data": {**BATCH, "pad": 0, "each_pass": "identities"},
        "head": {"name": "mgn", "options": {"stripes": "1-2-3", "pooling": "max", "features": 8, "trunk": "resnet18"}},
        "loss": {"terms": "1*CrossEntropy+2*MSMLoss+0.005*CenterLoss", "margin": 1.2, "label_smoothing": 0},
        "optimiser": {"name": "SGD", "learning_rate": 0.01},
        "schedule": {"epochs": 5, "warmup_epochs": 0, "decay": "constant"},
        "test": {"mirrored": True, "batch_size": 16, "every": 2},
    },
}

AB: dict[str, Any] = {
    "name": "ab",
    "seeds": 2,
    "generator": "sets/whole",
    "few": {"identities": 3, "images": 3, "cameras": 3},
    "elsewhere": {"root": "people", "layout": "market1501"},
    "head": {
        "data": {**BATCH, "root": "people_demo", "each_pass": "identities", "identities": 2},
        "head": {"name": "resnet18", "options": {"last_stride": 2}},
        "optimiser": {"learning_rate": 1.0e-3},
        "schedule": {"epochs": 1, "warmup_epochs": 0},
        "run": {"device": "cpu"},
    },
    "rows": {
        "real": {"meaning": "real images alone"},
        "generated": {
            "meaning": "generated ones, too",
            "generated": True,
            "against": ["real"],
            "settings": {"generated.share": 0.3, "generated.filters": [{"score": "identity_consistency", "best": 0.5}]},
        },
    },
}
