"""A proxy between operators and the real API server: it counts what they ask, and lets go wrong what a test wants.

    with proxied(plane, kubeconfig) as proxy:
        entrance = proxy.open()              # one for each operator: its own port and kubeconfig
        entrance.plan.add(Rule(Answer(503), namespace="test-1", first=4, last=4))
        start(entrance.kubeconfig, ...)

`calls` says what a request is, `faults` what can happen to it, `plan` to which ones it does, `record` keeps what was
asked, `events` edits watch streams, `streams` holds the open ones, `entrance` is the HTTP server, `running` the thread.
"""

from tests.integration.proxy.calls import Call
from tests.integration.proxy.entrance import Entrance
from tests.integration.proxy.events import EventRule
from tests.integration.proxy.faults import Answer, Crash, Cut, Fault, Silence, StaleList
from tests.integration.proxy.plan import Rule
from tests.integration.proxy.running import Proxy, proxied

__all__ = [
    "Answer",
    "Call",
    "Crash",
    "Cut",
    "Entrance",
    "EventRule",
    "Fault",
    "Proxy",
    "Rule",
    "Silence",
    "StaleList",
    "proxied",
]
