"""A small identity provider for tests: signs anybody in, with any claims, and can answer wrongly on purpose.

`answer` is what it says of whom, `response` writes and signs it, `breakage` names the broken ones, `service` is what
browsers and tests see. Flex trusts it as it would any other: by certificate.
"""
