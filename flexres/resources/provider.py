"""What every provider is: nothing but its class, with credentials from the environment, one per engine process."""

from __future__ import annotations

from pulumi.dynamic import ConfigureRequest, ResourceProvider

from flexres.resources import process


class Provider(ResourceProvider):
    """Pickled by reference into the state of each resource; the dotted path of a subclass is data, never rename it."""

    serialize_as_secret_always = False

    def configure(self, _req: ConfigureRequest) -> None:
        """Ready the process. Pulumi's config is not read: it would stay in the state, and be used stale."""
        process.configure()
