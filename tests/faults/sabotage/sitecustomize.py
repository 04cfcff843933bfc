"""Python runs this at its start where this folder is on PYTHONPATH: the saboteur of the environment goes to work."""

from tests.faults import saboteurs

saboteurs.engage()
