"""Requests for real models, made from what is at hand: printed words, sounds, and parts of two photographs."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_images

Floats = NDArray[np.float32]

WORDS = (
    "invoice",
    "total",
    "street",
    "hello",
    "Berlin",
    "price",
    "date",
    "model",
    "error",
    "rate",
    "tensor",
    "latency",
)
RATE = 16_000


def page(seed: int, width: int = 160, height: int = 96) -> Floats:
    """Return a picture of a few words on paper as a text detector takes it: [1, 3, height, width], -1 to 1."""
    dice = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), tuple(int(shade) for shade in dice.integers(160, 255, 3)))
    drawing = ImageDraw.Draw(image)
    for _ in range(dice.integers(1, 5)):
        place = (int(dice.integers(0, width // 2)), int(dice.integers(0, height - 20)))
        font = ImageFont.load_default(size=int(dice.integers(12, 30)))
        drawing.text(
            place, str(dice.choice(WORDS)), fill=tuple(int(shade) for shade in dice.integers(0, 110, 3)), font=font
        )
    pixels = np.asarray(image, np.float32) + dice.normal(0, 4, (height, width, 3))
    return ((pixels / 255 - 0.5) / 0.5).transpose(2, 0, 1)[None].astype(np.float32)


def sound(seed: int) -> Floats:
    """Return a second like a voice: [1, 16000], a tone whose pitch wavers, with overtones, pauses and noise."""
    dice = np.random.default_rng(seed)
    seconds = np.arange(RATE) / RATE
    pitch = dice.uniform(80, 250) * (1 + 0.1 * np.sin(2 * np.pi * dice.uniform(2, 6) * seconds))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    tones = sum(dice.uniform() / overtone * np.sin(overtone * phase) for overtone in range(1, 20))
    spoken = np.sin(2 * np.pi * dice.uniform(1, 5) * seconds + dice.uniform(0, 6)) > dice.uniform(-1, 0.5)
    mixed = (tones * spoken + 0.05 * dice.normal(size=RATE)) * dice.uniform(500, 8000)
    return mixed.astype(np.float32)[None]


def photograph(seed: int, size: int = 160) -> Floats:
    """Return a square part of one of scikit-learn's photographs: [1, 3, size, size], 0 to 1."""
    dice = np.random.default_rng(seed)
    whole = load_sample_images().images[seed % 2]
    side = int(dice.integers(size, 400))
    top, left = (int(dice.integers(0, whole.shape[axis] - side)) for axis in (0, 1))
    part = Image.fromarray(whole[top : top + side, left : left + side]).resize((size, size))
    return (np.asarray(part, np.float32) / 255).transpose(2, 0, 1)[None]
