"""Tests of the operator's pure parts; the package's own tree is mirrored by the files' names."""
