"""What both sides of a SAML login need: the names of the standard, XML from strangers read safely, a signing key."""
