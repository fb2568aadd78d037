"""What ends a scenario: a measurement that could not be made, never a slow one."""


class ScenarioError(Exception):
    """The operator did not come to the end that was to be timed, or objects are missing there."""
