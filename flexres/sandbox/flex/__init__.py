"""The Flex service: users, what Provision makes of them and their Workers, tokens, and the Configuration."""
