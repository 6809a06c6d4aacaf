"""What is declared: typed settings, the topology they lead to, and the Pulumi resources."""
