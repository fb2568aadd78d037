"""What only the API server can say: its refusals, as reasons, with the remedy.

The same words come in two ways: as the answer to a write of ours, and as the ReplicaFailure of a Deployment whose pods
are refused. They are texts for people, so each pattern is the part that Kubernetes has kept for years; what none of
them knows keeps its own words under a general reason.
"""

import re
from dataclasses import dataclass

from onnx_operator import names
from onnx_operator.decide import reasons
from onnx_operator.decide.finding import Trouble, sentence, shortened
from onnx_operator.decide.spec_field import spec_fields

INTERNAL_ERROR = 500


@dataclass(frozen=True)
class Rule:
    """A kind of refusal. ``remedy`` may use the groups of ``pattern``; ``stuck`` is Trouble's."""

    reason: str
    pattern: re.Pattern[str]
    remedy: str
    stuck: bool = True


def _rule(reason: str, pattern: str, remedy: str, stuck: bool = True) -> Rule:
    return Rule(reason, re.compile(pattern), remedy, stuck)


# First what others said in words of their own, which may contain anything.
RULES: tuple[Rule, ...] = (
    _rule(
        reasons.ADMISSION_DENIED,
        r'admission webhook "(?P<name>[^"]+)" denied the request',
        "Change the spec as the webhook asks, or have its owner change the rule: {name} stands in a "
        "ValidatingWebhookConfiguration or MutatingWebhookConfiguration.",
    ),
    _rule(
        reasons.ADMISSION_DENIED,
        r"(?:ValidatingAdmissionP|p)olicy ['\"](?P<name>[^'\"]+)['\"] (?:with binding '(?P<binding>[^']+)' )?denied",
        "Change the spec as the policy asks, or have its owner change ValidatingAdmissionPolicy {name} or its binding.",
    ),
    _rule(
        reasons.WEBHOOK_FAILED,
        r'failed calling webhook "(?P<name>[^"]+)"',
        "Mend the service behind webhook {name}, or remove its configuration; the write is tried again.",
        stuck=False,
    ),
    _rule(
        reasons.FORBIDDEN,
        r'User "(?P<user>[^"]+)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"',
        'Give {user} the verb {verb} on {resource} of API group "{group}"; the operator\'s own rights come with its '
        "chart: upgrade or reinstall it.",
    ),
    _rule(
        reasons.FORBIDDEN,
        r"cannot set blockOwnerDeletion",
        f"Give the operator the verb update on {names.PLURAL}/finalizers of API group {names.GROUP}; its rights come "
        "with its chart: upgrade or reinstall it.",
    ),
    _rule(
        reasons.NAMESPACE_TERMINATING,
        r"in namespace (?P<name>\S+) because it is being terminated",
        "Namespace {name} is being deleted, and this ONNXModel with it.",
        stuck=False,
    ),
    _rule(
        reasons.QUOTA_EXCEEDED,
        r"exceeded quota: (?P<name>[^,\s]+)",
        "Raise spec.hard of ResourceQuota {name}, free what it counts, or lower spec.resources or "
        "spec.scaling.minReplicas.",
    ),
    _rule(
        reasons.RESOURCES_REQUIRED,
        r"failed quota: (?P<name>[^:\s]+): must specify",
        "ResourceQuota {name} counts them: set them in spec.resources, or a default in a LimitRange of the namespace.",
    ),
    _rule(
        reasons.QUOTA_EXCEEDED,
        r"status unknown for quota: (?P<name>[^,\s]+)",
        "ResourceQuota {name} is new and not counted yet; the write is tried again.",
        stuck=False,
    ),
    _rule(
        reasons.QUOTA_EXCEEDED,
        r"insufficient quota to (?:consume|match)",
        "This cluster allows it only where a ResourceQuota covers it: make one in this namespace.",
    ),
    _rule(
        reasons.TOO_LARGE,
        r"request is too large|Request entity too large|message larger than max",
        "An object of the cluster may have about 1 MiB, and a revision repeats the spec: shorten spec.podTemplate.",
    ),
    _rule(
        reasons.LIMIT_RANGE_VIOLATED,
        r"(?:minimum|maximum) (?P<name>\S+) usage per \w+ is |(?P<ratio>\S+) max limit to request ratio per ",
        "Change spec.resources to fit, or the LimitRange of this namespace (kubectl describe limitranges).",
    ),
    _rule(
        reasons.POD_SECURITY_VIOLATED,
        r'violates PodSecurity "(?P<name>[^"]+)"',
        "Take what it names out of spec.podTemplate, or lower the namespace's label "
        "pod-security.kubernetes.io/enforce, which asks for {name}.",
    ),
    _rule(
        reasons.SERVICE_ACCOUNT_MISSING,
        r'error looking up service account \S+: serviceaccount "(?P<name>[^"]+)" not found',
        "Make ServiceAccount {name} in this namespace, or change spec.podTemplate.serviceAccountName.",
    ),
    _rule(
        reasons.PRIORITY_CLASS_MISSING,
        r"no PriorityClass with name (?P<name>\S+) was found",
        "Make PriorityClass {name}, or change spec.podTemplate.priorityClassName.",
    ),
    _rule(
        reasons.RUNTIME_CLASS_MISSING,
        r'RuntimeClass "(?P<name>[^"]+)" not found',
        "Make RuntimeClass {name}, or change spec.podTemplate.runtimeClassName.",
    ),
)

# A value that does not fit its field: refused by validation; or by server-side apply, and when it is decoded, where
# the value can only come from a structure of Kubernetes' own in the spec, though the words may not say which.
INVALID = " is invalid: "
MALFORMED = ("failed to create typed patch object", "failed to convert new object", "error decoding YAML")
ANYWHERE = ("spec.podTemplate",)


def trouble_of_refusal(message: str, what: str, status: int) -> Trouble:
    """Return what a person should know of a write that the API server refused.

    ``message`` is its own text, ``what`` the object, e.g. ``Deployment a-b``, ``status`` the HTTP status.
    """
    said = sentence(f"the API server refuses {what}: {shortened(message)}")
    if found := _known(message):
        rule, remedy = found
        return Trouble(rule.reason, f"{said} {remedy}", rule.stuck)
    if fields := _fields(message):
        return Trouble(reasons.INVALID_FIELD, f"{said} Change {', '.join(fields)}.")
    if status == INTERNAL_ERROR:
        return Trouble(reasons.API_SERVER_FAILED, f"{said} It is tried again.", stuck=False)
    return Trouble(reasons.REFUSED, f"{said} Change what it names.")


def trouble_of_refused_pods(message: str, revision: str) -> Trouble:
    """Return what a person should know of a revision whose pods are refused; ``message`` is the API server's text."""
    said = sentence(f"the API server refuses the pods of {revision}: {shortened(message)}")
    if found := _known(message):
        rule, remedy = found
        return Trouble(rule.reason, f"{said} {remedy}", rule.stuck)
    return Trouble(reasons.PODS_REFUSED, f"{said} Change what it names; pods are tried again.")


def _fields(message: str) -> tuple[str, ...]:
    if message.startswith(MALFORMED):
        return spec_fields(message) or ANYWHERE
    return spec_fields(message) if INVALID in message else ()


def _known(message: str) -> tuple[Rule, str] | None:
    for rule in RULES:
        if match := rule.pattern.search(message):
            return rule, rule.remedy.format(**match.groupdict())
    return None
