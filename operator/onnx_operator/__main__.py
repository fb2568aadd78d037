"""``python -m onnx_operator``."""

import sys

from onnx_operator.cli import main

sys.exit(main())
