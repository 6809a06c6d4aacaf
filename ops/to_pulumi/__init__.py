"""`make to-pulumi`: a stack that the embedded engine has made becomes one of Pulumi's, and nothing is touched."""
