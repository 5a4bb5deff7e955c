"""Django's settings for tests: the real ones, read in an environment of their own."""

from tests import environment  # noqa: F401 - first: it sets what the settings read
from webapp.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose
