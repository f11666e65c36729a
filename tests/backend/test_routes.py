"""Which target serves a called number."""

from rpcbridge.backend import Routes, Target

DEFAULT, EXACT, LONG, SHORT = (Target(name, None) for name in ("default", "exact", "long", "short"))
ROUTES = Routes(DEFAULT, {"0731": EXACT}, [("07", SHORT), ("073", LONG)])


def test_an_exact_number_beats_the_longest_prefix():
    assert ROUTES.of("0731") is EXACT
    assert ROUTES.of("0732") is LONG
    assert ROUTES.of("0741") is SHORT


def test_what_no_route_names_goes_to_the_default():
    assert ROUTES.of("0540") is ROUTES.of("") is ROUTES.of(None) is DEFAULT
