"""How a new revision takes the stable one's place: the state machine of docs/rollouts.md, as pure functions."""
