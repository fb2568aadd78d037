"""scikit-learn's bundled handwritten digits: real, small, and there without a network."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

PIXELS: Final = 64
HELD_OUT: Final = 540

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Digits:
    """Images, float32 [N, 64], 8x8 row by row with values 0 to 16, and what they show, int64 [N].

    `test_*` are held out: no model is trained on them.
    """

    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels


def load() -> Digits:
    """Return the 1,797 digits, 540 of them held out; the same split every time."""
    images, labels = load_digits(return_X_y=True)
    split = train_test_split(
        images.astype(np.float32),
        labels.astype(np.int64),
        test_size=HELD_OUT,
        random_state=0,
        stratify=labels,
    )
    return Digits(split[0], split[2], split[1], split[3])


def accuracy(answers: Labels, truth: Labels) -> float:
    """Return the share of answers that are true, 0 to 1; both are int64 [N], N at least 1."""
    if answers.shape != truth.shape or answers.size == 0:
        raise ValueError(f"answers have shape {answers.shape}, the truth has {truth.shape}")
    return float(np.mean(answers == truth))
