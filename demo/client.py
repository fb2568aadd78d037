"""Asks a served model, through an unmodified `tritonclient`, binary tensors both ways."""

from dataclasses import dataclass

import numpy as np
from geventhttpclient.response import HTTPParseError
from tritonclient.http import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

from .digits import Images
from .local_run import Answers
from .train import INPUT, LABEL, PROBABILITIES

BATCH = 60
TIMEOUT = 10.0
"""Seconds for a connection, and for an answer."""

FAILURES = (InferenceServerException, OSError, HTTPParseError)
"""What a request that got no right answer raises."""


@dataclass(frozen=True)
class Endpoint:
    """Where a model is served: `url` is host:port and perhaps a path, as tritonclient takes it, without a scheme."""

    url: str
    model: str

    def client(self) -> InferenceServerClient:
        """Return a client with one connection; it belongs to the thread that made it."""
        return InferenceServerClient(self.url, connection_timeout=TIMEOUT, network_timeout=TIMEOUT)


def ask(client: InferenceServerClient, model: str, images: Images) -> tuple[Answers, str]:
    """Send one request with float32 [N, 64] images; return the answers and the model version that gave them."""
    pixels = InferInput(INPUT, list(images.shape), "FP32")
    pixels.set_data_from_numpy(images)
    result = client.infer(model, [pixels])
    answers = Answers(result.as_numpy(LABEL), result.as_numpy(PROBABILITIES))
    return answers, str(result.get_response()["model_version"])


def ask_all(endpoint: Endpoint, images: Images) -> tuple[Answers, list[str], int]:
    """Send images in batches; return the answers, the versions that gave them, and how many requests it took."""
    parts = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
    client = endpoint.client()
    try:
        answered = [ask(client, endpoint.model, part) for part in parts]
    finally:
        client.close()
    labels = np.concatenate([answers.labels for answers, _ in answered])
    probabilities = np.concatenate([answers.probabilities for answers, _ in answered])
    return Answers(labels, probabilities), sorted({version for _, version in answered}), len(parts)
