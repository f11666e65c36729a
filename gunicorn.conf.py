"""gunicorn reads this from the working directory: bare `gunicorn wsgi:app` then runs as `rpcbridge serve` does."""

import sys

from rpcbridge.app import configured
from rpcbridge.errors import ConfigurationError
from rpcbridge.serving import gunicorn_options

try:
    globals().update(gunicorn_options(configured().settings))
except ConfigurationError as error:
    sys.exit(error.report())
