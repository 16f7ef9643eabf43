"""GoCD's pipelines as code: read, checked and rehearsed without a server."""
