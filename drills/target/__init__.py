"""The cluster that is broken: how it is reached, asked, handled and waited for."""
