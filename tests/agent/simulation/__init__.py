"""Redis, Sentinel, Docker and the network as a model in virtual time; the agents in it are the real ones.

    clock network world    virtual time, messages, and agent.world.World over both
    redis/                 a server: commands, replication, what it says of itself
    sentinel/              a Sentinel: votes, hello messages, its own failover
    deployment/            containers, volumes, and a cluster of them
    schedule/              faults, kinds of schedules, writers, and the judge of what must hold

Modelled. Processes: SIGSTOP of a server or of a whole container, kill with and without a word (a host that is gone),
SIGTERM once and again, starts in any order, lost volumes, other addresses, loading. Network: delays, some messages
late, cuts both ways between machines, connections that are closed. Redis: histories and offsets, partial and full
copies, a copy that breaks off, the rewrite of the append-only file after one, CLIENT PAUSE WRITE, transactions, replica
priority, a lag of replication. Sentinel: PING, INFO, subjective and objective down, votes by epochs, its failover from
election to reconfiguration, TILT, hello messages. Clients that ask Sentinels or ROLE, on any machine.

Judged at every change: never two nodes take writes, but for a master that has hung, or under `available` one that is
cut off; nobody is promoted whose data is not whole while anybody's is; under `noise` nobody is promoted. In the end:
one master, all follow it, the same data everywhere, and every acknowledged write, but for those that no living replica
had when their master was killed, hung or cut off.

Not modelled: an append-only file that lacks its last second after a kill, full disks, slow scripts, memory, TLS and
passwords, the endpoint, Sentinel's agent (but for how it finds its master), cuts of one direction, clocks that run at
different speeds, `FAILOVER TO`, a single Sentinel, min-replicas-to-write, chains of replicas as a fault.
"""
