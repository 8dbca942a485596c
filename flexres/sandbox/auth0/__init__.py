"""A local Auth0 tenant, as far as a Flex needs one: parts of the Management API, its login flow, its SAML2 add-on.

`tenant` keeps what there is and counts requests, `access` guards them, `clients`, `actions` and `users` answer
them, `runtime` runs the actions, `login` signs people in. What an action is given and may do is what Auth0 documents,
without modules from npm.
"""
