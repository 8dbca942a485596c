"""flexres keeps the users and the single sign-on of Twilio Flex equal to YAML that lives in git.

Data flows one way: `desired` and `live` meet in `reconcile`, whose plan `apply` carries out and `report` tells.
"""

__version__ = "0.1.0"
