"""Exit with a clear sentence unless the servers of DATABASE_URL and CELERY_BROKER_URL answer."""

import os
import sys

import environ
import psycopg2
from kombu import Connection
from kombu.exceptions import OperationalError

OLDEST_SERVER = 150000


def main() -> None:
    database = environ.Env.db_url_config(os.environ["DATABASE_URL"])
    broker = os.environ["CELERY_BROKER_URL"]
    address = f"{database['USER']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    try:
        found = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=10)
    except psycopg2.OperationalError as error:
        sys.exit(
            f"NO POSTGRESQL at {address}: {error}Start one, or say where it is: make test-services DATABASE_URL=..."
        )
    version = found.server_version
    found.close()
    if version < OLDEST_SERVER:
        sys.exit(f"PostgreSQL at {address} has version {version // 10000}; 15 or newer is needed.")
    with Connection(broker, connect_timeout=10) as connection:
        shown = connection.as_uri()  # without the password
        try:
            connection.ensure_connection(max_retries=1, timeout=10)
        except (OperationalError, *connection.connection_errors, *connection.channel_errors) as error:
            sys.exit(f"NO BROKER at {shown}: {error}. Start one, or: make test-services CELERY_BROKER_URL=...")
    print(f"PostgreSQL {version // 10000} at {address} and the broker at {shown} answer.")


if __name__ == "__main__":
    main()
