"""`make rotate`: new passwords and certificates, step by step, without downtime."""
