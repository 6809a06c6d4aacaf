"""Process 1 of the endpoint: knows who is master, and tells HAProxy, which has the clients.

What nodes say of themselves counts, and the Sentinels where two say that they are the master.
"""
