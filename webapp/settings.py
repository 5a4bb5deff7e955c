"""Django's settings. Everything that differs between machines comes from the environment (see ``environment.py``)."""

import os
import sys
from pathlib import Path
from typing import Any

from csp.constants import NONCE, NONE, SELF

from webapp import environment
from webapp.logs.setup import logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent

# --- The platform -------------------------------------------------------------------------------------------------

EDGELOOM_HOME = environment.home_folder(Path.home() / ".edgeloom")
ARTIFACTS_FOLDER = EDGELOOM_HOME / "artifacts"
RUNS_FOLDER = EDGELOOM_HOME / "runs"
UPLOADS_FOLDER = EDGELOOM_HOME / "uploads"
REDIS_URL = os.environ.get("REDIS_URL", "")

EDGELOOM_HOST = os.environ.get("EDGELOOM_HOST", "127.0.0.1")
EDGELOOM_PORT = int(environment.number("EDGELOOM_PORT", 8000))
EDGELOOM_ORIGINS = environment.listed("EDGELOOM_ORIGINS")

LEASE_S = environment.number("EDGELOOM_LEASE_S", 20.0)
"""How long a worker owns a run without renewing its lease, in seconds."""
HEARTBEAT_S = environment.number("EDGELOOM_HEARTBEAT_S", 1.0)
"""How often a worker renews its lease and reads what the user wants, in seconds."""
RESEND_S = environment.number("EDGELOOM_RESEND_S", 15.0)
"""A queued run that nobody claimed for this long is sent to the broker again, in seconds."""
SWEEP_S = environment.number("EDGELOOM_SWEEP_S", 5.0)
"""How often the reaper looks for lost messages and lost workers, in seconds."""
HANG_GRACE_S = environment.number("EDGELOOM_HANG_GRACE_S", 60.0)
"""How long a run may ignore a wish to stop before its process is ended, in seconds."""
MAX_ATTEMPTS = int(environment.number("EDGELOOM_MAX_ATTEMPTS", 5))
"""How many workers may be lost over one run before it counts as failed."""
MAX_RUNS_PER_EXPERIMENT = int(environment.number("EDGELOOM_MAX_RUNS", 1000))
"""Largest number of runs (cells times seeds) of one experiment."""
SPEC_YAML_BYTES = 256 * 2**10
"""Largest spec in YAML that the web reads, and largest one that is stored."""
SPEC_JSON_BYTES = 2**20
"""Largest spec in JSON, which is read a hundred times faster."""
ESTIMATE_AT_ONCE = 200_000
"""Devices times settings of a sweep up to which the web process estimates itself; beyond, a process of its own does."""
ESTIMATE_LIMIT_S = 60.0
"""How long such a process may take, in seconds."""
RECOST_AT_ONCE = 1_500_000
"""Items of a trace up to which the web process costs a run again itself, in about half a second and half a gibibyte;
beyond, a process of its own does."""
RECOST_LIMIT_S = 120.0
"""How long such a process may take, in seconds."""
PLAN_STEPS_AT_ONCE = 250_000
"""Steps (:mod:`engine.core.allowance`) that the web process spends on plans for one answer, in one to two seconds; what
may take more is planned in a process of its own, or known when it runs."""
PLAN_LIMIT_S = 60.0
"""How long such a process may take, in seconds."""
TRASH_DAYS = environment.number("EDGELOOM_TRASH_DAYS", 30.0)
"""How long deleted things can be brought back, in days."""
CLEAN_S = environment.number("EDGELOOM_CLEAN_S", 3600.0)
"""How often the trash and the disk are cleaned up, in seconds."""
LIVE_STREAM_LENGTH = 10_000
"""Live messages that the broker keeps, about; who is further behind reads the database."""

UPLOAD_FILE_BYTES = int(environment.number("EDGELOOM_UPLOAD_BYTES", 2 * 2**30))
"""Largest file that can be uploaded as a data set."""
UPLOAD_TEAM_BYTES = int(environment.number("EDGELOOM_UPLOAD_TEAM_BYTES", 20 * 2**30))
"""All uploaded data sets and models of a team together."""
MODEL_FILE_BYTES = int(environment.number("EDGELOOM_MODEL_BYTES", 512 * 2**20))
"""Largest file of weights that can be uploaded."""
UPLOAD_RESERVE_BYTES = 2**30
"""What an upload must leave free on the disk."""
UPLOAD_PART_BYTES = 4 * 2**20
"""Bytes of a part of a file that is uploaded; no more than a request may bring, see DATA_UPLOAD_MAX_MEMORY_SIZE."""
UPLOAD_FORM_BYTES = 64 * 2**20
"""Largest file that a form without scripts can bring, in one piece."""
UPLOAD_INLINE_BYTES = 256 * 2**10
"""Files up to this size are looked through at once; larger ones by a worker."""
UPLOAD_RESEND_S = 30.0
"""An upload that no worker has looked through for this long is given to the workers again, in seconds."""
UPLOAD_KEEP_S = 3 * 86_400
"""How long an upload that was begun or refused waits for somebody to come back to it, in seconds."""

# --- Safety -------------------------------------------------------------------------------------------------------

DEBUG = environment.flag("EDGELOOM_DEBUG")
SECRET_KEY = environment.secret_key(EDGELOOM_HOME)
ALLOWED_HOSTS = environment.allowed_hosts(EDGELOOM_HOST, EDGELOOM_ORIGINS)
CSRF_TRUSTED_ORIGINS = EDGELOOM_ORIGINS

HTTPS = bool(EDGELOOM_ORIGINS) and all(origin.startswith("https://") for origin in EDGELOOM_ORIGINS)
"""Whether users reach the platform by TLS only; it then ends at a proxy that sets X-Forwarded-Proto."""
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # probes come from inside, without TLS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],  # the nonce is for the import map, the only inline script
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 2**20
FILE_UPLOAD_HANDLERS = [
    "webapp.datasets.receiving.Quota",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # a form over a large fleet has many fields

# --- Parts --------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "django_htmx",
    "allauth",
    "allauth.account",
    "webapp.teams",
    "webapp.library",
    "webapp.datasets",
    "webapp.previews",
    "webapp.experiments",
    "webapp.trained",
    "webapp.datafree",
    "webapp.recosting",
    "webapp.simulator",
    "webapp.topologies",
    "webapp.sharing",
    "webapp.notes",
    "webapp.trash",
    "webapp.specforms",
    "webapp.catalogue",
    "webapp.api",
    "webapp.system",
]

MIDDLEWARE = [
    "webapp.logs.requests.request_ids",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "webapp.urls"
ASGI_APPLICATION = "webapp.asgi.application"

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
                "csp.context_processors.nonce",
                "webapp.teams.access.team_context",
            ],
        },
    }
]

# --- Storage ------------------------------------------------------------------------------------------------------

DATABASES = {"default": environment.database(EDGELOOM_HOME)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Counts of requests and of attempts to sign in: of all web processes together where there is a broker. While that is
# down the cache counts nothing instead of failing, so nobody is locked out.
CACHES: dict[str, dict[str, Any]] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "webapp.counters.Counters",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "edgeloom",
        "OPTIONS": {"serializer": "webapp.counters.PlainValues", "socket_timeout": 1.0, "socket_connect_timeout": 1.0},
    }

# For notices that may be lost. Runs travel by the stream (experiments/hub.py), never by this layer.
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
if REDIS_URL:
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        # redis-py 8 gives up on a silent socket after 5 s, which is how long the layer blocks: without None every idle
        # websocket would be torn down.
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}]},
    }

STATIC_URL = "/static/"
STATIC_ROOT = EDGELOOM_HOME / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns of a folder that is not there
STATICFILES_DIRS = [BASE_DIR / "webapp" / "static"]
# Hashed and compressed files exist once they are collected; before that (tests, a source tree) plain ones are served.
_COLLECTED = (STATIC_ROOT / "staticfiles.json").exists() or "collectstatic" in sys.argv
WHITENOISE_USE_FINDERS = not _COLLECTED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if _COLLECTED
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}

# --- Accounts -----------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "teams.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "webapp.teams.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"  # no mail server is assumed: mail goes to the log
SIGN_IN_LINK_S = 24 * 3600
"""How long a one-time sign-in link works, in seconds."""

# --- Language and log ---------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

LOGGING = logging_settings(EDGELOOM_HOME)
