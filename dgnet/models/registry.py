"""Re-ID models by name: `@register_model` on a class, `build_model` wherever one is needed.

The modules named in `MODEL_MODULES` register their models when they are imported, which happens at the first look-up of
a name. Nothing here depends on them.
"""

import difflib
import importlib
import inspect
from collections.abc import Callable
from typing import Any, Literal, TypeVar, get_args, get_origin

from dgnet.core.errors import UserError
from dgnet.models.reid_model import Option, ReIDModel

MODEL_MODULES = ("reid_heads.models", "dgnet.models.ide")

Model = TypeVar("Model", bound=type[ReIDModel])

_classes: dict[str, type[ReIDModel]] = {}


def register_model(*names: str) -> Callable[[Model], Model]:
    """Class decorator that makes a `ReIDModel` available under these names.

    The class is called as `cls(name, identities, **options)`; its keyword-only parameters are its options.

    Raises:
        ValueError: a name is taken by another class.

    Example:
        A model in one file, for training, as DG-Net's appearance encoder and as its teacher::

            @register_model("resnet50_gap")
            class PooledResNet(ReIDModel):
                def __init__(self, name: str, identities: int, *, last_stride: Literal[1, 2] = 1) -> None:
                    super().__init__(name, identities, {"last_stride": last_stride})
                    self.trunk = Backbone("resnet50", last_stride)
                    self.channels = self.embedding_size = self.trunk.channels
                    self.metric_sizes = (self.channels,)
                    self.classifier = nn.Linear(self.channels, identities)

                def forward(self, images: Tensor) -> ReIDOutput:
                    feature_map = self.trunk(images)
                    feature = feature_map.mean((2, 3))
                    return ReIDOutput(feature, (feature,), (self.classifier(feature),), feature_map)
    """

    def register(cls: Model) -> Model:
        for name in names:
            known = _classes.get(name)
            # A module that is executed again (a notebook's cell) replaces its own class.
            if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise ValueError(f"the model name {name!r} is taken by {known.__module__}.{known.__qualname__}")
            _classes[name] = cls
        return cls

    return register


def model_names() -> tuple[str, ...]:
    """The names of all registered models."""
    for module in MODEL_MODULES:
        importlib.import_module(module)
    return tuple(_classes)


def model_class(name: str) -> type[ReIDModel]:
    """The class that is registered under `name`.

    Raises:
        UserError: an unknown name.
    """
    names = model_names()
    if name not in names:
        close = difflib.get_close_matches(name, names, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UserError(f"the model must be one of {', '.join(names)}, not {name!r}{hint}")
    return _classes[name]


def build_model(name: str, identities: int, **options: Option) -> ReIDModel:
    """A re-ID model with random weights; `dgnet.models.pretrained.load_pretrained` fills it from a file.

    Args:
        name: one of `model_names()`: resnet18, resnet34, resnet50, resnet101, resnet50_ibn_a (BNNeck baselines), each
            of them with `_kd` for self-distillation, mgn, ide, and whatever else is registered.
        identities: the number of training identities, at least 1.
        options: the keyword arguments of the model's class, such as `last_stride` (1 or 2) and `stem_relu` of the
            BNNeck baselines; `stripes` ("1-2-3", "1-2-4", "1-3-4"), `pooling` ("avg", "max"), `features` (numbers per
            part) and `trunk` of mgn.

    Raises:
        UserError: an unknown name or option, or a value that is not allowed.

    Example:
        >>> model = build_model("resnet18", identities=751, last_stride=2)
        >>> model.embedding_size
        512
    """
    cls = model_class(name)
    if identities < 1:
        raise UserError(f"a re-ID model needs at least 1 identity, got {identities}")
    known = {key: item for key, item in inspect.signature(cls).parameters.items() if item.kind is item.KEYWORD_ONLY}
    for key, value in options.items():
        if key not in known:
            raise UserError(f"the model {name!r} has no option {key!r}; it has: {', '.join(known) or 'none'}")
        _check_option(name, key, value, known[key].annotation)
    return cls(name, identities, **options)  # type: ignore[arg-type]


def _check_option(name: str, key: str, value: Option, annotation: Any) -> None:
    if get_origin(annotation) is Literal:
        allowed = get_args(annotation)
        if value not in allowed:
            raise UserError(f"{key} of {name} must be one of {', '.join(map(str, allowed))}, not {value!r}")
    elif not isinstance(value, (int, float) if annotation is float else annotation):
        raise UserError(
            f"{key} of {name} must be of the type {getattr(annotation, '__name__', annotation)}, not {value!r}"
        )
