"""The Pulumi program: the stack that `pulumi` has selected, as resources. docs/pulumi.md tells the rest."""

from __future__ import annotations

import pulumi

from flexres.pulumi import FlexStack

FlexStack(pulumi.get_stack()).export()
