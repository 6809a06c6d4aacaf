"""The labels by which everything of a cluster can be found from outside the program."""

STACK = "redis-ha.stack"
PROJECT = "redis-ha.project"
NAME = "redis-ha.name"  # the cluster's in its program
KIND = "redis-ha.kind"
NODE = "redis-ha.node"
TRANSPORT = "redis-ha.transport"  # of containers: `tls`, or `plain`
FILES = "redis-ha.files"  # of volumes with files: what they are made of
