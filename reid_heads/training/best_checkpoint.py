"""The best weights of a run, in a file that is named by its mAP and holds all that is needed to use them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dgnet.models.model_file import save_model
from dgnet.models.reid_model import ReIDModel

Figures = Mapping[str, float]
# The weights that a run ended with, beside the best ones.
LAST_FILE = "last.pth"


class BestCheckpoint:
    """The file of the best mAP so far: `folder/mAP_85.9.pth`, or `mAP_KD_85.9.pth` with distillation.

    A better one replaces it; of equal ones the earlier stays. Figures by another `protocol`, or on other test `data` (a
    hash of them), are not compared.
    """

    def __init__(self, folder: Path, distilled: bool, protocol: str = "", data: str = "") -> None:
        self.folder, self.prefix = folder, "mAP_KD_" if distilled else "mAP_"
        self.protocol, self.data = protocol, data
        self.mAP = -1.0
        self.last: dict[str, float] = {}
        self._name = ""

    @property
    def path(self) -> Path | None:
        """The file, None where nothing was measured yet."""
        return self.folder / self._name if self._name else None

    def offer(
        self,
        model: ReIDModel,
        figures: Figures,
        identities: tuple[int, ...],
        height: int,
        width: int,
        names: tuple[str, ...] = (),
    ) -> bool:
        """Whether the model is better than all before it; then it is written. `figures` are 0..1, among them `mAP`."""
        self.last = dict(figures)
        if figures["mAP"] <= self.mAP:
            return False
        previous = self.path
        self.mAP = figures["mAP"]
        self._name = f"{self.prefix}{100 * self.mAP:.1f}.pth"
        save_model(self.folder / self._name, model, identities, height, width, names)
        if previous is not None and previous != self.path:
            previous.unlink(missing_ok=True)
        return True

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {
            "mAP": self.mAP,
            "name": self._name,
            "last": self.last,
            "protocol": self.protocol,
            "data": self.data,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> str | None:
        """Go on from what `state_dict` returned. Epochs that a kill undid come again, and with them the same file.

        Where the best so far was measured by another protocol or on other data, its file stays and the best is sought
        anew. Returns the message about it, else None.
        """
        self.last = dict(state["last"])
        # States of earlier versions do not name it.
        protocol, data = state.get("protocol", "a way that is not known"), state.get("data") or self.data
        same_data = self.data in ("", data)
        if (self.protocol in ("", protocol) and same_data) or not state["name"]:
            self.mAP, self._name = state["mAP"], state["name"]
            self.protocol, self.data = self.protocol or protocol, self.data or data
            return None
        if not same_data:
            return (
                f"{self.folder / state['name']} stays: it was the best on other test images or labels than those of "
                "now; from now on the best on these is kept beside it"
            )
        return (
            f"{self.folder / state['name']} stays: it was the best by {protocol}; from now on the best by "
            f"{self.protocol} is kept beside it"
        )
