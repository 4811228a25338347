"""Settings, all from the environment, with defaults that make `make run` work on an empty machine.

Nothing secret stands here: keys are generated into CASEWORK_DATA_DIR on first use (see access/vault.py).
"""

import datetime
import sys
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from access.secrets import Secrets, numbered
from access.switch import read_switch
from casework import embedded_postgres
from casework.database import logins

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DATA_DIR = Path(env("CASEWORK_DATA_DIR", default=str(BASE_DIR / "data"))).resolve()
SECRETS = Secrets(DATA_DIR / "secrets.json")
# The newest signs; sessions that were begun under an older one go on until `manage.py keys retire` takes it away.
SECRET_KEY, *SECRET_KEY_FALLBACKS = (
    SECRETS.text(numbered("django_secret_key", n)) for n in reversed(SECRETS.generations("django_secret_key") or [1])
)

# Demo mode lists the demo accounts on the login page and lets the business clock be moved. Never in production.
# `manage.py demo` leaves a marker in the data directory, so that later commands know what they work on.
DEMO = env.bool("CASEWORK_DEMO", default=(DATA_DIR / "demo").exists())
DEBUG = env.bool("CASEWORK_DEBUG", default=False)
TESTING = "pytest" in sys.modules
ALLOWED_HOSTS = env.list("CASEWORK_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env.list("CASEWORK_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "simple_history",
    "guardian",
    "viewflow",
    "viewflow.workflow",
    "axes",
    "csp",
    "audit",
    "access",
    "jobs",
    "flows",
    "families",
    "funds",
    "casework",
]

MIDDLEWARE = [
    "casework.watching.requests.Watched",
    "casework.watching.pages.ForMachines",
    "django.middleware.security.SecurityMiddleware",
    "casework.http.OfOurOwn",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "casework.http.NoNulBytes",
    "casework.http.BackToThePage",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "casework.http.NothingKept",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "audit.middleware.ActorMiddleware",
    "access.middleware.SessionLimits",
    "access.confirming.ConfirmingMiddleware",
    "casework.desks.confirming.LedToEnrolment",
    "access.middleware.OwnPasswordFirst",
    "axes.middleware.AxesMiddleware",
    "access.break_glass.BreakGlassMiddleware",  # calls the view itself
    "access.reach.ReachMiddleware",  # the last one: knows of the emergency
]

ROOT_URLCONF = "casework.urls"
WSGI_APPLICATION = "casework.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "casework.context.shell",
            ],
            "builtins": ["casework.templatetags.ui"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# As whom this process talks to PostgreSQL: pages and the worker own no table (casework.database).
PROCESS = logins.process(sys.argv, env.ENVIRON)
DATABASE_ROLE = env("CASEWORK_DATABASE_ROLE", default="")  # a role to work as after the login; tests use it
if logins.is_managed_elsewhere(env.ENVIRON):
    DATABASES = {"default": env.db(logins.url_for(PROCESS, env.ENVIRON))}
else:
    DATABASES = {"default": logins.as_login(embedded_postgres.django_database(DATA_DIR), PROCESS)}
DATABASES["default"].setdefault("OPTIONS", {})
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Work that must not get lost stays in PostgreSQL (jobs.Outbox); a broker only spreads it over machines.
CELERY_BROKER_URL = env("CELERY_BROKER_URL", default="")
CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True} if CELERY_BROKER_URL.startswith("amqp") else {}
CELERY_TASK_DEFAULT_QUEUE = env("CASEWORK_QUEUE", default="casework")
OUTBOX_LEASE_SECONDS = env.float("CASEWORK_OUTBOX_LEASE_SECONDS", default=60.0)  # then a published id is offered again

# What is written is sealed within seconds; later than this `audit verify` asks why not. Tests seal when they mean to.
SEAL_LAG_SECONDS = 86_400 if TESTING else env.float("CASEWORK_SEAL_LAG_SECONDS", default=60.0)

# Where the day's seal goes, so that it is not in this house alone: a folder (of another machine, best) and a mailbox.
ANCHOR_DIR = env("CASEWORK_ANCHOR_DIR", default="")
ANCHOR_MAIL = env.list("CASEWORK_ANCHOR_MAIL", default=[])
if env("EMAIL_URL", default=""):  # for example smtp+tls://user:password@mail.county.example:587
    vars().update(env.email("EMAIL_URL"))
DEFAULT_FROM_EMAIL = env("CASEWORK_MAIL_FROM", default="casework@localhost")

# A code from the telephone before somebody approves, pays, exports or unmasks: on, off, or the day from which it is on
# (2027-01-01). Off, money that leaves still asks for the password.
SECOND_FACTOR = read_switch(env("CASEWORK_SECOND_FACTOR", default="off" if DEMO or TESTING else "on"))

AUTH_USER_MODEL = "access.Staff"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hundreds of test accounts a minute
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ANONYMOUS_USER_NAME = None  # guardian: no shadow account
GUARDIAN_MONKEY_PATCH_USER = False
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_HTTPONLY = True
SESSION_IDLE = datetime.timedelta(minutes=env.int("CASEWORK_SESSION_IDLE_MINUTES", default=60))
SESSION_LONGEST = datetime.timedelta(hours=env.int("CASEWORK_SESSION_HOURS", default=12))
SESSION_COOKIE_AGE = int(SESSION_LONGEST.total_seconds())

# A village shares one address: lock the pair (account, address), never the address alone.
AXES_FAILURE_LIMIT = 8
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = 0.25
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "access/locked.html"
AXES_SENSITIVE_PARAMETERS = ["username"]  # a telephone number; the access log keeps it, the machine's does not
AXES_ENABLED = not TESTING

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("简体中文")), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True
USE_THOUSAND_SEPARATOR = False
SIMPLE_HISTORY_DATE_INDEX = False

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Only our own files: viewflow brings stylesheets that name fonts it does not bring, and its pages are not used.
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
MEDIA_ROOT = DATA_DIR / "files"  # never served by URL: files go through a view that asks scope()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or TESTING
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
PROXIES = max(1, env.int("CASEWORK_PROXIES", default=1))  # how many of our own stand before us
if env.bool("CASEWORK_HTTPS", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    MIDDLEWARE.insert(1, "casework.http.BehindProxy")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# PDFs: a folder with a Chinese font, where the machine itself has none; and how large one file of an inspection pack may be
FONT_DIR = env("CASEWORK_FONT_DIR", default="")
PACK_VOLUME_MB = env.int("CASEWORK_PACK_VOLUME_MB", default=1024)

# What /readyz and /metrics go by
DISK_FREE_MB = env.int("CASEWORK_DISK_FREE_MB", default=500)  # with less than this free the program is not ready
METRICS_TOKEN = env("CASEWORK_METRICS_TOKEN", default="")
METRICS_FROM = env.list("CASEWORK_METRICS_FROM", default=[])  # addresses; without either nobody is told

LOG = env("CASEWORK_LOG", default="text")  # text or json
LOG_LEVEL = env("CASEWORK_LOG_LEVEL", default="WARNING")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "casework.watching.logs.Json"},
        "text": {"()": "casework.watching.logs.Text"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    # At INFO Celery quotes the text of a task's error, and with it a person; jobs/ logs type and place instead.
    "loggers": {
        "celery.app.trace": {"level": "ERROR"},
        "casework.requests": {"level": "INFO" if LOG == "json" else LOG_LEVEL},  # a terminal is not filled with them
        "django": {"handlers": [], "propagate": True},  # its own console handler would write the address
        "django.server": {"handlers": [], "propagate": True},
    },
}
# Into the browsers' preload list a county enters its domain itself, or never: it cannot be taken back (security.W021).
SILENCED_SYSTEM_CHECKS = ["security.W021"] + (["axes.W003"] if TESTING else [])
