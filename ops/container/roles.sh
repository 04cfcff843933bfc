#!/bin/sh
# Run once by the PostgreSQL image in a new cluster: the role of the running application, which can work with
# rows but not change the schema. The migrations run as the owner, POSTGRES_USER.
set -eu

psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
\getenv password INTERLOG_DATABASE_PASSWORD
CREATE ROLE interlog_app LOGIN PASSWORD :'password';
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE, MAINTAIN ON TABLES TO interlog_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO interlog_app;
SQL
