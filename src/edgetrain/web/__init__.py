"""Files and answers by HTTP: one way to ask, with the rules of sizes, digests, redirections and second tries."""
