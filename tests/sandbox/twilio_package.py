"""How Twilio's own Python client, unmodified, reaches a sandbox."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from twilio.http.http_client import TwilioHttpClient


class SandboxHttpClient(TwilioHttpClient):
    """Sends what is meant for any of Twilio's hosts to the sandbox; path, query and headers stay as they are."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._target = urlsplit(url)
        self.session.trust_env = False

    def request(self, method, url, *arguments, **keywords):
        meant = urlsplit(url)
        assert meant.hostname.endswith(".twilio.com") or meant.netloc == self._target.netloc
        rewritten = urlunsplit((self._target.scheme, self._target.netloc, meant.path, meant.query, ""))
        return super().request(method, rewritten, *arguments, **keywords)
