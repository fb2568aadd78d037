"""Asks others on a user's behalf while a rollout is judged: Prometheus and webhooks. What they say is ``measure``."""
