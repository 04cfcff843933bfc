"""The one way a command says that it cannot go on."""


class OpsError(Exception):
    """The command cannot go on; the message is one clear line for the person at the terminal."""
