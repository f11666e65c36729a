"""gunicorn reads this from the working directory: bare `gunicorn wsgi:app` then runs as `rpcbridge serve` does."""

import sys

from rpcbridge.errors import ConfigurationError
from rpcbridge.serving import gunicorn_options, this_master

try:
    globals().update(gunicorn_options(this_master()))
except ConfigurationError as error:
    sys.exit(error.report())
