class JobsError(Exception):
    """Base of every refusal of this app. str() is for the person who was refused."""


class NoHandler(JobsError):
    """An outbox row, a job or a timer names something that nobody handles."""


class JobCancelled(JobsError):
    """The user pressed cancel; the work stops and its changes are rolled back."""


class WorkerStopping(JobsError):
    """The worker was told to stop; the job is rolled back and waits for the next worker."""


class WrongJobState(JobsError):
    """The job is not in a state in which this can be done; it has perhaps just finished."""


def describe(error: BaseException) -> str:
    """What went wrong in one line. PostgreSQL's detail lines are left out: they quote the row, that is, a person."""
    first_line = str(error).strip().splitlines()[:1]
    return f"{type(error).__name__}: {first_line[0] if first_line else ''}"[:500]


def place_of(error: BaseException) -> str:
    """file:line of the innermost frame, for the log."""
    trace = error.__traceback__
    if trace is None:
        return "?"
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
