"""Prometheus' metrics, made from the statistics of each model when somebody asks. docs/server.md names them all."""
