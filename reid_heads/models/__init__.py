"""Re-ID models, a model a file: importing this package registers every module in it (`dgnet.models.registry`)."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
