"""What gunicorn itself says, in the shape of all other lines."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger

import domain.logs


class ServerLog(Logger):
    """Gunicorn's logger, which hands its lines to ours instead of writing them."""

    def setup(self, cfg: Any) -> None:
        """Set up logging; called by gunicorn."""
        super().setup(cfg)
        domain.logs.configure(process="web")
        self.error_log.handlers.clear()
        self.error_log.propagate = True
