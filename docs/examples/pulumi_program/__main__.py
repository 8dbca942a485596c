"""A program of one's own: two Flex instances, and a bucket that gets the teams of each."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from flexres.pulumi import FlexStack

emea = FlexStack("emea")
apac = FlexStack("apac", pulumi.ResourceOptions(depends_on=[emea]))

bucket = aws.s3.Bucket("teams")
for stack in (emea, apac):
    aws.s3.BucketObject(
        f"teams-{stack.name}",
        bucket=bucket.id,
        key=f"{stack.name}.json",
        content=stack.usernames.apply(json.dumps),
    )

pulumi.export("workspaces", {"emea": emea.workspace, "apac": apac.workspace})
pulumi.export("to_enter_in_console", pulumi.Output.all(emea=emea.pending, apac=apac.pending))
