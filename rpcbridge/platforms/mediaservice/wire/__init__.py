"""Mediaservice's JSON as the vendor's document has it: `callbacks` come in, `replies` go out. Shapes only, no meaning."""
