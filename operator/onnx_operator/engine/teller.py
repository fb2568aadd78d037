"""Tells what is new of a model: to its users in Events, to those who run the operator in metrics."""

import logging
import uuid
from datetime import datetime
from typing import Any

from onnx_operator.cache import Key
from onnx_operator.decide.plan import Plan
from onnx_operator.kube.errors import KubeError
from onnx_operator.kube.protocol import Kube
from onnx_operator.metrics import Metrics, Rollout
from onnx_operator.report.events import event_manifest
from onnx_operator.report.news import news
from onnx_operator.report.rollout_news import rejections

Object = dict[str, Any]

log = logging.getLogger(__name__)


class Teller:
    """Tells each thing once, after the status that has it was written. What cannot be told holds nothing up."""

    def __init__(self, kube: Kube, metrics: Metrics) -> None:
        self._kube, self._metrics = kube, metrics

    def sees(self, key: Key, status: Object, made: Plan) -> None:
        """Take how the model is now, for the gauges and for whoever debugs."""
        if rollout := status.get("rollout"):
            self._metrics.running[key] = Rollout(
                "/".join(key), rollout["phase"], rollout["appliedWeight"], made.judgements, made.worst
            )
        else:
            self.forget(key)

    def forget(self, key: Key) -> None:
        """Forget a model that is gone."""
        self._metrics.running.pop(key, None)

    async def tell(self, model: Object, before: Object, after: Object, now: datetime) -> None:
        """Tell what is new in the status."""
        stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        for type_, reason, message in news(before, after):
            self._metrics.rollout(reason)
            log.info("%s: %s", reason, message)
            try:
                await self._kube.create(event_manifest(model, type_, reason, message, stamp, uuid.uuid4().hex[:16]))
            except KubeError as error:
                log.warning("the event was not written: %s", error)
        for rejected in rejections(before, after):
            self._metrics.rollout_aborts.labels(rejected["reason"]).inc()
