"""What is counted in this process; imported after PROMETHEUS_MULTIPROC_DIR was set, see metrics.py."""

from prometheus_client import Counter, Histogram

from casework.watching.metrics import BUCKETS

REQUESTS = Counter("casework_requests", "requests answered", ["route", "method", "status"], registry=None)
SECONDS = Histogram("casework_request_seconds", "how long they took", ["route"], buckets=BUCKETS, registry=None)
