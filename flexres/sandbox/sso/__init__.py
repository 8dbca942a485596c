"""Single sign-on as the sandbox does it: settings and trusted URLs, the enhanced login chain, legacy's front door.

The chain: `authorize` sends the browser to the identity provider, `assertion_consumer` takes its answer, `authorize`
again brings the browser back with a code, `oauth` exchanges it, `token_info` says what a token is good for.
"""
