"""The Pulumi resources that the plan leads to."""
