"""marshmallow schemas: the domain <-> the backend contract's JSON. No HTTP, no platform."""
