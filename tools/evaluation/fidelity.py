"""The measures of fidelity that need no weights, by name."""

from eval.images.file_pairs import Measure
from eval.images.psnr import psnr
from eval.images.ssim import multi_scale_ssim, ssim

MEASURES: dict[str, Measure] = {
    "SSIM, gaussian window": ssim,
    "SSIM, uniform window": lambda first, second: ssim(first, second, window="uniform"),
    "MS-SSIM": multi_scale_ssim,
    "PSNR": psnr,
}
UNITS = {"PSNR": "dB"}
