"""What to try next."""

from ..names import MODEL, NAMESPACE, OPERATOR_NAMESPACE, RELEASE
from ..scene import Scene, made
from ..train import INPUT
from .cluster import environment_lines


def run(scene: Scene) -> None:
    """Say how to go on by hand."""
    narrator, store = scene.narrator, made(scene.store)
    url = made(scene.endpoint).url
    narrator.say("The model is served on. Paste these to look around:")
    blocks = [
        *environment_lines(scene),
        "kubectl explain onnxmodel.spec.model",
        f"kubectl get onnxmodel {MODEL} -n {NAMESPACE} -o yaml",
        f"kubectl describe pods -n {NAMESPACE}",
        f"kubectl logs -n {OPERATOR_NAMESPACE} deployment/{RELEASE}",
    ]
    narrator.lines(blocks)
    if "/" not in url:
        narrator.say("Ask it without any client (64 pixels, 0 to 16):")
        pixels = f'{{"inputs":[{{"name":"{INPUT}","shape":[1,64],"datatype":"FP32","data":[$(seq -s, 64)]}}]}}'
        narrator.lines(
            [
                f"curl -s http://{url}/v2/models/{MODEL}; echo",
                f"curl -s http://{url}/v2/models/{MODEL}/infer -d \\",
                f"""  '{pixels.replace("$(seq -s, 64)", "'$(seq -s, 64)'")}'; echo""",
            ]
        )
    else:
        narrator.say("Reach it from here:")
        narrator.lines([f"kubectl port-forward -n {NAMESPACE} service/{MODEL} 8000:8000"])
    narrator.say("Back to version 1 (it served before: no steps), to more pods, to none:")
    patch = f"kubectl patch onnxmodel {MODEL} -n {NAMESPACE} --type merge -p"
    narrator.lines(
        [
            f"{patch} \\",
            f"""  '{{"spec":{{"model":{{"uri":"{store.uri(1)}"}}}}}}'""",
            f"""{patch} '{{"spec":{{"scaling":{{"minReplicas":3}}}}}}'""",
            f"""{patch} '{{"spec":{{"state":"Suspended"}}}}'""",
        ]
    )
    narrator.say("Take all of it down:")
    narrator.lines([scene.place.down_line])
