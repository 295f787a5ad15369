"""Admit a URL as the target of a webhook: its host must be somewhere that may be sent to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from msgspec import Struct

from application.caller import Caller
from application.ports.people import Role
from application.ports.webhooks import WebhookTargets
from domain.values import WebhookUrl

AdmittedUrl = NewType("AdmittedUrl", WebhookUrl)
"""A URL that was admitted. It is looked at again whenever something is sent to it."""


class AdmitWebhookUrl(Struct, frozen=True, kw_only=True):
    """Ask for a URL to be admitted."""

    caller: Caller
    url: WebhookUrl


@dataclass(frozen=True, slots=True)
class AdmitWebhookUrlHandler:
    """Asks for the addresses of the host: not in the transaction of a command, since others answer."""

    targets: WebhookTargets

    async def __call__(self, query: AdmitWebhookUrl) -> AdmittedUrl:
        """Admit it.

        Raises:
            RoleRequiredError: the caller is no service.
            UrlNotAllowedError: nothing may be sent there.
        """
        query.caller.require_role(Role.SERVICE)
        await self.targets.require(query.url)
        return AdmittedUrl(query.url)
