"""`python -m onnx_server` is `onnx-server`."""

import sys

from onnx_server.cli import main

sys.exit(main())
