"""Mediaservice's JSON as the vendor's document has it, without what it means: `callbacks` come in, `replies` go out.

`requests` and `answers` hold their shapes, `fields` the kinds of value, `words` the closed lists.
"""
