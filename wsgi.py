"""The WSGI entry: `gunicorn wsgi:app`, with gunicorn.conf.py beside it."""

from rpcbridge.serving import wsgi_application

app = wsgi_application()
