"""The methods every XML-RPC server has of its own: system.listMethods and its like, and what system.multicall holds. Pure.

Asks the platform for its methods, and knows none by name. system.multicall is taken apart and put
together here; the bridge alone answers what is in it.
"""

from __future__ import annotations

from dataclasses import replace

from rpcbridge.codec import MAX_ITEMS, Fault, MethodCall, MethodResponse, Value, encode_call
from rpcbridge.errors import CallError, EncodeError, InvalidParams, NotACall, OutOfPlace, UnknownMethod, nearest, shown
from rpcbridge.platforms import Description, Kind, Platform

MULTICALL = "system.multicall"

_METHODS = {
    "system.getCapabilities": Description(
        "The specifications this server follows: a struct of specUrl and specVersion by name.", ("struct",)
    ),
    "system.listMethods": Description("The names of all methods.", ("array",)),
    "system.methodHelp": Description("What a method does, as text. Takes the method's name.", ("string", "string")),
    "system.methodSignature": Description(
        "A method's signatures, each the type of the result and those of the parameters. Takes the method's name.",
        ("array", "string"),
    ),
    MULTICALL: Description(
        f"Up to {MAX_ITEMS} calls in one request: an array of structs of methodName and params (an array). Each is answered "
        "with an array of its one result, or with a struct of faultCode and faultString. What a caller waits for is refused: "
        "call it by itself.",
        ("array", "array"),
    ),
}

# The names other servers use, and where each specification stands.
_CAPABILITIES: dict[str, tuple[str, int]] = {
    "xmlrpc": ("http://www.xmlrpc.com/spec", 1),
    "introspection": ("http://xmlrpc.usefulinc.com/doc/reserved.html", 1),
    "system.multicall": ("http://www.xmlrpc.com/discuss/msgReader$1208", 1),
    "faults_interop": ("http://xmlrpc-epi.sourceforge.net/specs/rfc.fault_codes.php", 20010516),
    "json-rpc": ("https://www.jsonrpc.org/specification", 2),
}


def answered(call: MethodCall, platform: Platform) -> MethodResponse:
    """The answer of any of these methods but system.multicall. Raises InvalidParams."""
    match call.method:
        case "system.listMethods":
            _nothing(call)
            return response([*sorted(_all(platform))], call)
        case "system.getCapabilities":
            _nothing(call)
            return response({name: {"specUrl": url, "specVersion": number} for name, (url, number) in _CAPABILITIES.items()}, call)
        case "system.methodHelp":
            return response(_described(call, platform).help, call)
        case _:
            return response([list(_described(call, platform).signature)], call)


def kind_of(call: MethodCall, platform: Platform) -> Kind | None:
    """Whether `call` asks or reports, None for one of these methods. Raises UnknownMethod, naming the nearest.

    Raises NotACall where nobody would read the answer, OutOfPlace where a caller would wait for it.
    """
    kind = platform.methods.get(call.method)
    own = {} if platform.methods_in_path else _METHODS
    if kind == "question" and call.unanswered:
        raise OutOfPlace(f"{call.method} without an id: a caller waits for the answer, and would hear nothing", call.method)
    if kind is None and call.method not in own:
        known = nearest(call.method, [*platform.methods, *own])
        raise UnknownMethod(f"unknown method {call.method[:80]!r}, {known}", dialect=call.dialect)
    if kind is None and call.unanswered:
        raise NotACall(f"{call.method} without an id: nobody would read the answer")
    return kind


def response(value: Value, call: MethodCall) -> MethodResponse:
    """`value` as the answer to `call`. The vendor's JSON has a STATUS in every reply, so there it stands beside one."""
    return MethodResponse({"STATUS": 0, "RESULT": value} if call.dialect == "json" else value)


def items_of(call: MethodCall) -> list[MethodCall | CallError]:
    """What a system.multicall holds; an item that is no call is the error that says why. Raises InvalidParams."""
    items = call.params[0] if len(call.params) == 1 else None
    if not isinstance(items, list):
        raise InvalidParams(f"{MULTICALL} takes one array of structs of methodName and params, got {_came(call)}")
    if len(items) > MAX_ITEMS:
        raise InvalidParams(f"{MULTICALL} takes at most {MAX_ITEMS} calls, got {len(items)}")
    return [_item(item, call) for item in items]


def _item(item: Value, call: MethodCall) -> MethodCall | CallError:
    method = item.get("methodName") if isinstance(item, dict) else None
    if not isinstance(item, dict) or type(method) is not str or not method.strip():
        return NotACall(f"an item is a struct of methodName (a text) and params (an array), got {shown(item)}")
    params = item.get("params", [])
    if not isinstance(params, list):
        return NotACall(f"params: expected an array, got {shown(params)}", method.strip())
    return replace(call, method=method.strip(), params=tuple(params), repairs=(), id=None)


def allowed_among_others(item: MethodCall | CallError, platform: Platform) -> MethodCall:
    """An item of a batch or of system.multicall that may be answered in it. Raises CallError for what may not."""
    method = item.method or ""
    if platform.methods.get(method) == "question":
        message = f"{method} cannot stand among other calls: a caller waits for the answer, send it by itself"
        raise OutOfPlace(message, method, id=item.id)
    if method == MULTICALL:
        raise OutOfPlace(f"{method} cannot stand among other calls: put its calls there instead", method, id=item.id)
    if isinstance(item, CallError):
        raise item
    return item


def alone(call: MethodCall) -> bytes:
    """`call` as its sender would have written it by itself; empty where that wire cannot carry it."""
    try:
        return encode_call(call)
    except EncodeError:
        return b""


def result_of(answer: MethodResponse | Fault) -> Value:
    """One item of system.multicall's answer: an array of one value, or a struct of faultCode and faultString."""
    if isinstance(answer, Fault):
        return {"faultCode": answer.code, "faultString": answer.message}
    return [answer.value]


def _all(platform: Platform) -> dict[str, Description]:
    return {**_METHODS, **platform.descriptions}


def _nothing(call: MethodCall) -> None:
    # Senders that always write parameters write an empty struct or array for none.
    if call.params not in ((), ({},), ([],)):
        raise InvalidParams(f"{call.method} takes no parameters, got {_came(call)}")


def _described(call: MethodCall, platform: Platform) -> Description:
    name = call.params[0] if len(call.params) == 1 else None
    if not isinstance(name, str):
        raise InvalidParams(f"{call.method} takes the name of a method, a text, got {_came(call)}")
    described = _all(platform).get(name.strip())
    if described is None:
        raise InvalidParams(f"{call.method}: unknown method {name[:80]!r}, {nearest(name, sorted(_all(platform)))}")
    return described


def _came(call: MethodCall) -> str:
    return shown(call.params[0]) if len(call.params) == 1 else f"{len(call.params)} parameters"
