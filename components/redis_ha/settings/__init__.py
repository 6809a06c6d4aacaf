"""Every setting: its type, its default, what fits together; read from Pulumi's config."""
