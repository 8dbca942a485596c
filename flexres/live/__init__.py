"""What Flex says: one async transport to Twilio, one client a service, and the snapshot that `reconcile` reads."""
