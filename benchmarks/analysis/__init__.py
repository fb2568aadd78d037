"""How often the checks of a rollout are wrong, and how soon they find what they are to find: by simulation, seeded."""
