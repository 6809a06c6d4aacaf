"""Pure: settings lead to nodes with host, address and port, and to the texts of their files."""
