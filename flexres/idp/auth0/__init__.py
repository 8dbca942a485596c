"""Auth0 as an identity provider that is reconciled: its Management API read and written, and the action's code."""
