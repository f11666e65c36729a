"""How much one body may hold. The size of the body itself is the setting `server.max_body`."""

# A call has one struct of at most nine flat members and a reply one nested struct with an array:
# depth 4, about 25 values. These leave an order of magnitude or two for fields yet to come, and
# bound what a hostile body can make us build.
MAX_DEPTH = 32
MAX_VALUES = 5_000

# Calls in one request, a batch or system.multicall. They are handled one after the other within one deadline.
MAX_ITEMS = 20
