"""The embedded engine: runs this project's Pulumi program where no Pulumi CLI can be had.

It speaks Pulumi's command words (`python -m engine up|preview|destroy|...`), runs the unchanged program through
the Pulumi SDK against an in-process resource monitor, and drives Docker through docker-py. It keeps no state of
its own: what it manages carries labels, and every run starts from what Docker really holds.
"""
