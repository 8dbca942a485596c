"""A small identity provider for tests: signs anybody in, with any claims, and can answer wrongly on purpose.

`key` is what it signs with, `directory` where its claims come from, `response` builds its answers, `breakage` names
the broken ones, `service` is what browsers and tests see. Flex trusts it as it would any other: by certificate.
"""
