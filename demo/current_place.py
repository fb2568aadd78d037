"""`CLUSTER=current`: the cluster of the current kubeconfig context, with a registry and a bucket of one's own."""

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from tests.cluster import images

from .client import Endpoint
from .errors import DemoError
from .names import CURRENT_DOWN, MODEL, NAMESPACE
from .narration import Narrator
from .place import PLUGINS, Images
from .shell import Shell
from .store import ENVIRONMENT, Store

NEEDED: Final = {
    "IMAGE_REGISTRY": "a registry that you may push to and the cluster pulls from, such as registry.example/team",
    "DEMO_BUCKET": "a bucket that you may write to and the pods reach, such as s3://my-bucket or s3://my-bucket/demo",
    "AWS_ACCESS_KEY_ID": "of that bucket",
    "AWS_SECRET_ACCESS_KEY": "of that bucket",
}
LIMIT: Final = 15.0


class CurrentPlace:
    """Somebody's cluster: everything goes into namespaces of the demo's own."""

    down_line = CURRENT_DOWN

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Raise DemoError, naming all that is missing, unless the environment says what is needed."""
        missing = [f"  {name}: {what}" for name, what in NEEDED.items() if not environment.get(name)]
        if missing:
            raise DemoError("\n".join(["CLUSTER=current needs these environment variables as well:", *missing]))
        bucket = urlsplit(environment["DEMO_BUCKET"])
        if bucket.scheme != "s3" or not bucket.netloc:
            raise DemoError(
                f"DEMO_BUCKET is {environment['DEMO_BUCKET']!r}; it has to be s3://bucket or s3://bucket/prefix."
            )
        self._registry = environment["IMAGE_REGISTRY"]
        self._base = environment["DEMO_BUCKET"].rstrip("/")
        self._credentials = {name: environment[name] for name in ENVIRONMENT if environment.get(name)}

    def environment(self) -> Mapping[str, str]:
        """Return the PATH of the person at the terminal, with `kubectl onnx` behind; KUBECONFIG is theirs, too."""
        return {"PATH": os.pathsep.join([os.environ.get("PATH", "/usr/bin:/bin"), PLUGINS])}

    def up(self, narrator: Narrator, shell: Shell) -> None:
        """See that the cluster answers."""
        narrator.say(
            "CLUSTER=current: your own cluster. The demo starts none, and removes nothing that it did not make."
        )
        shell.run("kubectl", "config", "current-context")
        shell.run("kubectl", "version")

    def images(self, narrator: Narrator, shell: Shell) -> Images:
        """Build the two images and push them to the registry."""
        narrator.say(f"Building the two images and pushing them to {self._registry}.")
        pushed = images.push(self._registry)
        operator, server = (pushed[shipped.name] for shipped in (images.OPERATOR, images.SERVER))
        repository, _, tag = operator.rpartition(":")
        return Images(repository, server.rpartition(":")[0], tag, build=f"{time.time():.0f}")

    def store(self, narrator: Narrator) -> Store:
        """Return the bucket in DEMO_BUCKET."""
        narrator.say(f"The models go to {self._base}; the pods read them with the same credentials, from a Secret.")
        return Store(self._base, self._credentials)

    @contextmanager
    def endpoint(self, shell: Shell) -> Iterator[Endpoint]:
        """Yield a way through the API server to the entry Service, pod by pod as the Service chooses.

        Not `kubectl port-forward`: that stays with the pod it found first, and the demo replaces pods.
        """
        shell.narrator.command(("kubectl", "proxy", "--port=0"))
        process = shell.start("kubectl", "proxy", "--port=0")
        try:
            said = process.stdout.readline().decode() if process.stdout else ""
            found = re.search(r"127\.0\.0\.1:\d+", said)
            if found is None:
                raise DemoError(
                    f"`kubectl proxy` did not start: {said}{process.communicate(timeout=LIMIT)[1].decode()}"
                )
            yield Endpoint(f"{found[0]}/api/v1/namespaces/{NAMESPACE}/services/{MODEL}:http/proxy", MODEL)
        finally:
            process.terminate()
            process.communicate()
