"""What the embedded database refuses, in words for the person who runs it."""


class EmbeddedPostgresError(Exception):
    """The embedded database cannot do this. The message says what happened and what to do."""


class NoServerPrograms(EmbeddedPostgresError):
    """There is no usable PostgreSQL on this machine."""


class BelongsToAnother(EmbeddedPostgresError):
    """The database files, or the socket folder, belong to another user."""


class ServerDidNotStart(EmbeddedPostgresError):
    """PostgreSQL was launched and ended, or did not answer in time."""


class BadBackup(EmbeddedPostgresError):
    """The backup file is damaged or is not one of ours."""


class NotEmpty(EmbeddedPostgresError):
    """A restore would replace data, and nobody said yes to that."""
