"""How long tests wait for what has to happen."""

from __future__ import annotations

from typing import Final

PATIENCE_SECONDS: Final = 90.0
"""More than anything takes, also on a machine that has much else to do; who waits so long in vain has found a fault."""
