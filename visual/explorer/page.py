"""The explorer's page: drop images, swap them, slide between two people. Needs the extra `explorer` (Gradio).

Everything stays on this machine: the page is served to the loopback address, asks no other host for anything, and
counts nothing. Import it inside `visual.explorer.answers.private_gradio()`, which keeps uploads in memory.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from visual.explorer.answers import Blend, Explorer
from visual.explorer.slots import image_slot
from visual.explorer.where_tab import STYLE, Search, where_tab

try:
    import gradio
except ImportError as missing:
    raise UserError("the explorer needs the extra 'explorer': pip install gradio") from missing

# The generated image, the identities' scores, and the neighbors with their captions.
Answer = tuple[np.ndarray, dict[str, float], list[tuple[np.ndarray, str]]]

LARGEST_UPLOAD = 8 * 2**20  # bytes
NEIGHBORS, SCORES = 6, 5
# People are a hundred pixels wide: they fill their frames.
ENLARGED = "#result img, .slot img { width: 100%; height: 100%; object-fit: contain; }"
SLOTS = ("appearance", "second appearance", "structure", "second structure")


def build_page(explorer: Explorer, examples: list[Path], search: Search | None = None) -> gradio.Blocks:
    """The page.

    Args:
        examples: real images to choose from, the first two of them swapped when it opens.
        search: what answers on the second tab, where and when a person was seen; without it there is no such tab.
    """
    with gradio.Blocks(title=f"DG-Net explorer: {explorer.run.name}", analytics_enabled=False) as page:
        if search is None:
            _swap_tab(explorer, examples)
            return page
        with gradio.Tabs():
            with gradio.Tab("Swap"):
                _swap_tab(explorer, examples)
            with gradio.Tab("Where and when", elem_id="where"):
                where_tab(search)
    return page


def _swap_tab(explorer: Explorer, examples: list[Path]) -> None:
    first = dict(zip(("appearance", "structure"), examples[:2], strict=False)) if len(examples) > 1 else {}
    image, names, near = _example(explorer, *first.values()) if first else (None, None, None)
    gradio.Markdown(
        f"# Swap appearance and structure\n{explorer.run.name}, after {explorer.run.iteration} iterations. Drop "
        "an image for the **appearance** (clothes) and one for the **structure** (pose, body, place). The "
        "sliders move towards the second image of a kind. The cross above an image makes room for another. Nothing "
        "leaves this machine."
    )
    with gradio.Row():
        with gradio.Column(scale=2):
            with gradio.Row():
                slots = [image_slot(name, first.get(name)) for name in SLOTS]
            with gradio.Row():
                appearance_weight = _slider("appearance")
                structure_weight = _slider("structure")
            swap = gradio.Button("Swap", variant="primary", elem_id="swap")
            chooser = _chooser(examples) if examples else None
        with gradio.Column(scale=1):
            result = gradio.Image(
                image,
                label="Generated",
                format="png",
                interactive=False,
                elem_id="result",
                buttons=["download"],
                height=360,
            )
            scores = gradio.Label(
                names, label="Taken for (training identities)", num_top_classes=SCORES, elem_id="scores"
            )
    neighbors = gradio.Gallery(
        near, label="Nearest real images, by the appearance embedding", columns=NEIGHBORS, object_fit="contain",
        elem_id="neighbors", format="png", height=240, visible=bool(explorer.records), buttons=["download"],
    )  # fmt: skip
    if explorer.note:
        gradio.Markdown(explorer.note, elem_id="same-person")
    inputs = [*slots, appearance_weight, structure_weight]
    answers = [result, scores, neighbors]
    swap.click(lambda *values: answer(explorer, *values), inputs, answers, api_visibility="private")
    # What was generated from other images does not stay beside these.
    for slot in slots[::2]:
        gradio.on([slot.upload, slot.clear], lambda: (None,) * 3, None, answers, api_visibility="private")
    if chooser is not None:

        def choose(slot: str, event: gradio.SelectData) -> list[Any]:
            return _chosen(examples[event.index], slot)

        into, gallery = chooser
        gallery.select(choose, into, [*slots, *answers], api_visibility="private")
    for second, slider in ((slots[1], appearance_weight), (slots[3], structure_weight)):
        second.change(_slider_towards, second, slider, api_visibility="private", show_progress="hidden")
        # While it is dragged, only the last place counts.
        slider.change(
            lambda *values: answer(explorer, *values) if _complete(values) else (gradio.skip(),) * 3,
            inputs,
            answers,
            api_visibility="private",
            trigger_mode="always_last",
            show_progress="hidden",
        )


def _example(explorer: Explorer, appearance: Path, structure: Path) -> Answer:
    return answer(explorer, read_image(appearance), None, read_image(structure), None, 0, 0)


def answer(
    explorer: Explorer,
    appearance: Tensor | None,
    second_appearance: Tensor | None,
    structure: Tensor | None,
    second_structure: Tensor | None,
    appearance_weight: float | int,
    structure_weight: float | int,
) -> Answer:
    """What the page shows: the generated image, the identities' scores, the neighbors with their captions."""
    if appearance is None or structure is None:
        raise gradio.Error("drop an image for the appearance and one for the structure first", print_exception=False)
    image = explorer.blend(
        _blend(explorer, appearance, second_appearance, appearance_weight),
        _blend(explorer, structure, second_structure, structure_weight),
    )
    near = [
        (
            _rows(neighbor.image),
            ", ".join(filter(None, (f"{neighbor.similarity:.2f}", neighbor.verdict, neighbor.record.path.name))),
        )
        for neighbor in explorer.nearest(image, NEIGHBORS)
    ]
    return _rows(image), dict(explorer.identities(image, SCORES)), near


def serve(page: gradio.Blocks, port: int | None, open_browser: bool) -> str:
    """Serve the page to this machine alone, in a thread; its address. `UserError` where the port is taken."""
    try:
        _, address, _ = page.launch(
            server_name="127.0.0.1",
            server_port=port,
            inbrowser=open_browser,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            max_file_size=LARGEST_UPLOAD,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            mcp_server=False,
            ssr_mode=False,
            pwa=False,
            css=ENLARGED + STYLE,
            # Fonts of the reader's system: Gradio's own themes fetch theirs from elsewhere.
            theme=gradio.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        )
    except OSError as error:
        raise UserError(f"--port {port or 'default'}: no free port to serve the page on ({error})") from error
    return address


def _slider(kind: str) -> gradio.Slider:
    return gradio.Slider(
        0, 1, value=0, step=0.01, label=f"Towards the second {kind}", elem_id=f"{kind}-weight", interactive=False
    )


def _slider_towards(second: Tensor | None) -> gradio.Slider:
    """A slider moves where there is an image to move towards."""
    return gradio.Slider(interactive=True) if second is not None else gradio.Slider(value=0, interactive=False)


def _chooser(examples: list[Path]) -> tuple[gradio.Radio, gradio.Gallery]:
    """Real images to choose from instead of dropping one, and for which box."""
    into = gradio.Radio(list(SLOTS), value=SLOTS[0], label="A real image below goes to the box", elem_id="into")
    gallery = gradio.Gallery(
        [str(path) for path in examples],
        label="Real images",
        columns=7,
        allow_preview=False,
        object_fit="contain",
        elem_id="examples",
        height=230,
    )
    return into, gallery


def _chosen(example: Path, slot: str) -> list[Any]:
    """The boxes with a real image in one of them, and the answers, which are empty for another first image."""
    answers = [gradio.skip() if "second" in slot else None] * 3
    return [*(str(example) if name == slot else gradio.skip() for name in SLOTS), *answers]


def _complete(values: tuple[Any, ...]) -> bool:
    return values[0] is not None and values[2] is not None


def _blend(explorer: Explorer, first: Tensor, second: Tensor | None, weight: float | int) -> Blend:

    images = [explorer.at_size(image) for image in (first, second) if image is not None]
    return Blend(torch.stack(images), weight)


def _rows(image: Tensor) -> np.ndarray:
    return image.permute(1, 2, 0).contiguous().numpy()
