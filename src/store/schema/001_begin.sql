-- One account with its zones, API tokens, tunnels and DNS routes. Times are milliseconds since
-- 1970 UTC. Only standard column types and constraints, so that another database can hold it.

CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    created_ms INTEGER NOT NULL
) STRICT;

-- The domain names under which host names are routed.
CREATE TABLE zones (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    account_id TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 253 AND name = lower(name)),
    created_ms INTEGER NOT NULL
) STRICT;

-- A token is compared only, so that its SHA-256 is enough.
CREATE TABLE api_tokens (
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    account_id TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER -- NULL: never
) STRICT;

-- The secret is kept as it is: connectors register with it and the token command shows it. A
-- deleted tunnel stays to be listed, without its secret.
CREATE TABLE tunnels (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    account_id TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL CHECK (length(name) > 0),
    secret BLOB,
    created_ms INTEGER NOT NULL,
    deleted_ms INTEGER,
    CHECK ((secret IS NULL) = (deleted_ms IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX tunnels_by_live_name ON tunnels (account_id, name) WHERE deleted_ms IS NULL;
CREATE INDEX tunnels_by_creation ON tunnels (account_id, created_ms, id);

-- Host names of visitors, lower case without a final dot, or "*." and such a name.
CREATE TABLE dns_routes (
    hostname TEXT NOT NULL PRIMARY KEY
        CHECK (length(hostname) BETWEEN 1 AND 253 AND hostname = lower(hostname)),
    zone_id TEXT NOT NULL REFERENCES zones (id),
    tunnel_id TEXT NOT NULL REFERENCES tunnels (id),
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX dns_routes_by_tunnel ON dns_routes (tunnel_id);
