"""From the API server's names of fields, in objects of ours, to the fields of the spec that they come from.

It names fields in three dialects: validation (``spec.template.spec.volumes[4].name: Required value``), server-side
apply (``.spec.template.spec.containers[name="server"].env[name="A"].foo: field not declared in schema``) and decoding
(``Go struct field Toleration.spec.template.spec.tolerations.tolerationSeconds``).
"""

import re

# A step into a list: by index or by key. Of volumes and mounts the first ones are ours, so the index would mislead.
STEP = r"(?:\[[^\]]*\])?"
CONTAINER = rf"spec\.template\.spec\.(?:initC|c)ontainers{STEP}"
REST = r"(?P<rest>(?:\[[^\]]*\]|\.\w+)*)"
AS_IN_A_POD = (
    "nodeSelector|tolerations|affinity|topologySpreadConstraints|priorityClassName|runtimeClassName|"
    "serviceAccountName|imagePullSecrets|terminationGracePeriodSeconds"
)

# The first that fits gives the name; `{rest}` is what follows in the object.
FIELDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(f"(?<!\\w){pattern}{REST}"), name)
    for pattern, name in (
        (rf"{CONTAINER}\.env(?!\w)", "spec.podTemplate.env{rest}"),
        (rf"{CONTAINER}\.envFrom", "spec.model.credentials.secretName"),
        (rf"{CONTAINER}\.image(?!\w)", "spec.server.image"),
        (rf"{CONTAINER}\.resources", "spec.resources{rest}"),
        (rf"{CONTAINER}\.volumeMounts{STEP}", "spec.podTemplate.volumeMounts{rest}"),
        (rf"spec\.template\.spec\.volumes{STEP}", "spec.podTemplate.volumes{rest}"),
        (rf"spec\.template\.spec\.(?P<field>{AS_IN_A_POD})(?!\w)", "spec.podTemplate.{field}{rest}"),
        (r"spec\.template\.(?:metadata\.)?(?P<field>labels|annotations)", "spec.podTemplate.{field}{rest}"),
        (r"spec\.behavior", "spec.scaling.behavior{rest}"),
        (r"spec\.(?P<field>minReplicas|maxReplicas)", "spec.scaling.{field}"),
        (r"spec\.metrics", "spec.scaling.target.cpuPercent"),
    )
)


def spec_fields(message: str) -> tuple[str, ...]:
    """Return the fields of the spec that a message of the API server is about, each once, as it names them."""
    found: dict[int, str] = {}
    for pattern, name in FIELDS:
        for match in pattern.finditer(message):
            known = {key: value or "" for key, value in match.groupdict().items()}
            found.setdefault(match.start(), name.format(**known))
    return tuple(dict.fromkeys(found[start] for start in sorted(found)))
