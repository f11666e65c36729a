"""gunicorn reads this from the working directory: bare `gunicorn wsgi:app` then runs as `rpcbridge serve` does."""

import sys

from rpcbridge.app import load_settings, plan
from rpcbridge.errors import ConfigurationError
from rpcbridge.serving import faults, gunicorn_options

try:
    globals().update(gunicorn_options(plan(load_settings()).settings))
except ConfigurationError as error:
    sys.exit(faults(error))
