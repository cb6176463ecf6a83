#!/usr/bin/env python3
"""Makes the CTF 2 traces of this folder: one of every field class, one in the shape of LTTng's."""
import json, os, struct, sys

RS = "\x1e"

def fragments(folder, items):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "metadata"), "w", encoding="utf-8") as f:
        for item in items:
            f.write(RS + json.dumps(item, indent=1) + "\n")

def u(length, align=8, order="little-endian", **more):
    return {"type": "fixed-length-unsigned-integer", "length": length, "byte-order": order, "alignment": align, **more}

def s(length, align=8, order="little-endian", **more):
    return {**u(length, align, order, **more), "type": "fixed-length-signed-integer"}

def flt(length, order="little-endian", align=8, **more):
    return {"type": "fixed-length-floating-point-number", "length": length, "byte-order": order, "alignment": align, **more}

def struct_of(*members, **more):
    return {"type": "structure", "member-classes": [{"name": n, "field-class": f} for n, f in members], **more}

def payload(*path):
    return {"origin": "event-record-payload", "path": list(path)}

def leb(value, signed=False):
    out = b""
    while True:
        byte = value & 0x7f
        value >>= 7
        done = (value == 0 and not byte & 0x40) or (value == -1 and byte & 0x40) if signed else value == 0
        out += bytes([byte | (0 if done else 0x80)])
        if done:
            return out

UUID = list(range(16, 32))

def preamble(**more):
    return {"type": "preamble", "version": 2, "uuid": UUID, **more}

def trace_class(**more):
    return {"type": "trace-class", "packet-header-field-class": struct_of(
        ("the magic!", u(32, roles=["packet-magic-number"], **{"preferred-display-base": 16})),
        ("the UUID", {"type": "static-length-blob", "length": 16, "roles": ["metadata-stream-uuid"]}),
        ("class", u(8, roles=["data-stream-class-id"])),
        ("stream", {"type": "variable-length-unsigned-integer", "roles": ["data-stream-id"]})), **more}

CLOCK = {"type": "clock-class", "id": "the clock", "name": "monotonic", "uid": "6c9dd7dc-f58e-4a5e-8a1b-000000000001",
         "frequency": 1000000000, "origin": "unix-epoch", "precision": 1,
         "offset-from-origin": {"seconds": 1700000000, "cycles": 5}, "description": "Monotonic Clock"}

def stream_class(id, extra=(), header=None, **more):
    return {"type": "data-stream-class", "id": id, "name": "channel%d" % id, "default-clock-class-id": "the clock",
        "packet-context-field-class": struct_of(
            ("begin", u(64, roles=["default-clock-timestamp"])),
            ("end", u(64, roles=["packet-end-default-clock-timestamp"])),
            ("content", u(32, roles=["packet-content-length"])),
            ("total", u(32, roles=["packet-total-length"])),
            ("seq", u(32, roles=["packet-sequence-number"])),
            ("discarded", u(32, roles=["discarded-event-record-counter-snapshot"])),
            ("cpu_id", u(16)), *extra),
        "event-record-header-field-class": header or struct_of(
            ("id", {"type": "variable-length-unsigned-integer", "roles": ["event-record-class-id"]}),
            ("time", u(32, roles=["default-clock-timestamp"]))), **more}

def packet(class_id, stream_id, begin, end, seq, discarded, cpu, body, extra=b"", pad=16):
    head = struct.pack("<I", 0xc1fc1fc1) + bytes(UUID) + bytes([class_id]) + leb(stream_id)
    size = len(head) + 8 + 8 + 16 + 2 + len(extra) + len(body)
    return head + struct.pack("<QQIIIIH", begin, end, size * 8, (size + pad) * 8, seq, discarded, cpu) + extra + body + bytes(pad)

def event(id, time, body):
    return leb(id) + struct.pack("<I", time & 0xffffffff) + body

def erc(id, stream, name, *members, **more):
    return {"type": "event-record-class", "id": id, "data-stream-class-id": stream, "name": name,
            "payload-field-class": struct_of(*members), **more}

def every_class(root):
    folder = os.path.join(root, "every-class")
    bits = {"type": "fixed-length-bit-array", "length": 16, "byte-order": "little-endian", "alignment": 8}
    flags = {"GREEN": [[7, 7], [9, 9], [11, 11]], "RED": [[0, 2], [4, 4], [10, 10]], "YELLOW": [[9, 9], [13, 14]],
             "ORANGE": [[6, 6]], "BLUE": [[15, 15]]}
    bitmap = {"type": "fixed-length-bit-map", "length": 16, "byte-order": "big-endian", "alignment": 8, "flags": flags}
    bool8 = {"type": "fixed-length-boolean", "length": 8, "byte-order": "little-endian", "alignment": 8}
    maps = {"fortune": [[3, 67], [84, 84]], "building": [[4, 5], [75, 82]], "say \"?\"": [[100, 2305], [80, 80]]}
    smaps = {"low": [[-128, -1]], "both": [[-5, 5]], "zero": [[0, 0]]}
    vlu = {"type": "variable-length-unsigned-integer"}
    vls = {"type": "variable-length-signed-integer"}
    nts = {"type": "null-terminated-string"}
    def enc(e, **more): return {**nts, "encoding": e, **more}
    classes = [
        erc(0, 0, "integers", ("u8", u(8)), ("s8", s(8)), ("be", u(16, 8, "big-endian")), ("hex", u(32, 8, **{"preferred-display-base": 16})),
            ("oct", s(32, 8, **{"preferred-display-base": 8})), ("bin", u(8, 8, **{"preferred-display-base": 2})),
            ("a", u(3, 1)), ("b", s(5, 1)), ("shex", s(8, 8, **{"preferred-display-base": 16})), ("u64", u(64)), ("s64", s(64)),
            ("_under", u(8)), ("with space", u(8))),
        erc(1, 0, "mapped", ("u", u(16, 8, mappings=maps)), ("s", s(8, 8, mappings=smaps)), ("vu", {**vlu, "mappings": maps}),
            ("vs", {**vls, "mappings": smaps, "preferred-display-base": 16})),
        erc(2, 0, "variable", ("u", vlu), ("s", vls), ("hex", {**vlu, "preferred-display-base": 16}), ("shex", {**vls, "preferred-display-base": 16}),
            ("soct", {**vls, "preferred-display-base": 8}), ("bin", {**vlu, "preferred-display-base": 2})),
        erc(3, 0, "bits", ("bits", bits), ("map", bitmap), ("none", bitmap), ("one", bitmap), ("yes", bool8), ("no", bool8),
            ("rev", u(8, 8, **{"bit-order": "last-to-first"})), ("ber", u(16, 8, "big-endian", **{"bit-order": "first-to-last"})),
            ("bit1", {**bool8, "length": 1, "alignment": 1}), ("bit2", {**bits, "length": 7, "alignment": 1})),
        erc(4, 0, "floats", ("f32", flt(32)), ("f64", flt(64)), ("be32", flt(32, "big-endian")), ("rev", flt(32, "little-endian", 8, **{"bit-order": "last-to-first"}))),
        erc(5, 0, "strings", ("utf8", nts), ("u16le", enc("utf-16le")), ("u16be", enc("utf-16be")), ("u32le", enc("utf-32le")), ("u32be", enc("utf-32be")),
            ("st", {"type": "static-length-string", "length": 8}), ("st16", {"type": "static-length-string", "length": 8, "encoding": "utf-16le"}),
            ("len", u(8)), ("dyn", {"type": "dynamic-length-string", "length-field-location": payload("len")}),
            ("vlen", vlu), ("dyn16", {"type": "dynamic-length-string", "length-field-location": {"path": ["vlen"]}, "encoding": "utf-16be"}),
            ("empty", {"type": "static-length-string", "length": 0})),
        erc(6, 0, "blobs", ("st", {"type": "static-length-blob", "length": 4, "media-type": "image/tiff"}), ("len", u(8)),
            ("dyn", {"type": "dynamic-length-blob", "length-field-location": payload("len")})),
        erc(7, 0, "arrays", ("st", {"type": "static-length-array", "length": 3, "element-field-class": u(8)}), ("len", u(8)),
            ("dyn", {"type": "dynamic-length-array", "length-field-location": payload("len"), "element-field-class": struct_of(("k", nts), ("n", vlu),
                ("in", {"type": "dynamic-length-array", "length-field-location": {"path": ["n"]}, "element-field-class": s(8)}))}),
            ("flags", {"type": "static-length-array", "length": 4, "minimum-alignment": 32, "element-field-class": {**bool8, "length": 1, "alignment": 1}}),
            ("empty", {"type": "static-length-array", "length": 0, "element-field-class": u(8)}),
            ("nothing", struct_of()), ("aligned", struct_of(("x", u(8)), **{"minimum-alignment": 16})), ("alias", "u8-alias")),
        erc(8, 0, "options", ("has", bool8), ("opt", {"type": "optional", "selector-field-location": payload("has"), "field-class": u(16)}),
            ("sel", s(8)), ("opt2", {"type": "optional", "selector-field-location": payload("sel"), "selector-field-ranges": [[-12, -12], [-5, 0], [15, 35]],
                "field-class": struct_of(("a", nts), ("b", {"type": "optional", "selector-field-location": payload("sel"), "selector-field-ranges": [[0, 0]], "field-class": u(8)}))}),
            ("last", u(8))),
        erc(9, 0, "variants", ("sel", u(8)), ("var", {"type": "variant", "selector-field-location": payload("sel"), "options": [
                {"selector-field-ranges": [[5, 5], [10, 12]], "field-class": nts},
                {"name": "juice", "selector-field-ranges": [[8, 8]], "field-class": s(16, 8, **{"preferred-display-base": 8})},
                {"name": "box", "selector-field-ranges": [[20, 255]], "field-class": struct_of(("x", u(8)), ("y", vls))}]}),
            ("vsel", vls), ("ov", {"type": "optional", "selector-field-location": payload("vsel"), "selector-field-ranges": [[-10, -1], [1, 10]], "field-class":
                {"type": "variant", "selector-field-location": payload("vsel"), "options": [
                    {"selector-field-ranges": [[-10, -1]], "field-class": u(8)}, {"selector-field-ranges": [[1, 10]], "field-class": bool8}]}})),
        erc(10, 0, "located", ("n", u(8)), ("p", struct_of(("inner", {"type": "dynamic-length-array", "length-field-location": {"path": [None, "n"]}, "element-field-class": u(8)})))),
        {"type": "event-record-class", "id": 11, "data-stream-class-id": 0, "name": "contexts", "namespace": "my.space",
         "specific-context-field-class": struct_of(("count", u(8)), ("word", nts)),
         "payload-field-class": struct_of(
            ("from_ctx", {"type": "dynamic-length-array", "length-field-location": {"origin": "event-record-specific-context", "path": ["count"]}, "element-field-class": u(8)}),
            ("from_common", {"type": "dynamic-length-string", "length-field-location": {"origin": "event-record-common-context", "path": ["clen"]}}),
            ("from_packet", {"type": "dynamic-length-blob", "length-field-location": {"origin": "packet-context", "path": ["plen"]}}))},
        {"type": "event-record-class", "id": 12, "data-stream-class-id": 0, "name": "nothing at all"},
        {"type": "event-record-class", "id": 300, "data-stream-class-id": 0,
         "payload-field-class": struct_of(("unnamed", u(8))),
         "attributes": {"lttng.org,2009": {"log-level": "warning"}, "babeltrace.org,2020": {"log-level": "warning", "emf-uri": "http://example.com/"}}},
    ]
    fragments(folder, [preamble(attributes={"my.tracer": {"x": [1, 2.5, None, True]}}),
        {"type": "field-class-alias", "name": "u8-first", "field-class": u(8)},
        {"type": "field-class-alias", "name": "u8-alias", "field-class": "u8-first"},
        CLOCK,
        trace_class(name="every class", namespace="rttng", uid="1", environment={"hostname": "box", "answer": 42, "domain": "ust"}),
        stream_class(0, extra=[("plen", u(8))], **{"event-record-common-context-field-class": struct_of(("clen", u(8)), ("tag", u(8)))}),
        *classes])
    def rev8(b): return int(f"{b:08b}"[::-1], 2)
    common = lambda clen=0, tag=7: bytes([clen, tag])
    ev = []
    t = 1000
    def add(id, body, clen=0):
        nonlocal t
        t += 10
        ev.append((id, t, common(clen) + body))
    add(0, struct.pack("<BbHI", 255, -1, 0x3412, 0xdeadbeef)[:2] + struct.pack(">H", 0x1234) + struct.pack("<I", 0xdeadbeef) + struct.pack("<i", -8) + bytes([0b10100101])
        + bytes([0b10111_010]) + struct.pack("<b", -2) + struct.pack("<Qq", 2**64 - 1, -2**63) + bytes([1, 2]))
    add(0, struct.pack("<Bb", 0, 127) + struct.pack(">H", 0) + struct.pack("<I", 0) + struct.pack("<i", 8) + bytes([0]) + bytes([0]) + struct.pack("<b", 2) + struct.pack("<Qq", 0, 2**63 - 1) + bytes([0, 0]))
    add(1, struct.pack("<Hb", 80, -3) + leb(4) + leb(0, True))
    add(1, struct.pack("<Hb", 1, 77) + leb(5000) + leb(-5, True))
    add(2, leb(1876916) + leb(-220236, True) + leb(2**64 - 1) + leb(-2**63, True) + leb(-8, True) + leb(6))
    add(2, b"\x80\x80\x00" + b"\xff\xff\x7f" + leb(0) + leb(2**63 - 1, True) + leb(8, True) + leb(0))
    add(3, struct.pack("<H", 0x8001) + struct.pack(">H", 0x0610) + struct.pack(">H", 0x0020) + struct.pack(">H", 0x8000) + bytes([2, 0]) + bytes([rev8(0x53)]) + bytes([rev8(0x34), rev8(0x12)]) + bytes([0b0101010_1]))
    import math
    f = struct.pack("<f", -1.5)
    rv = bytes(rev8(b) for b in reversed(f))
    add(4, struct.pack("<fd", 0.1, math.pi) + struct.pack(">f", -1e30) + rv)
    text = "Hé €𝄞"
    add(5, text.encode() + b"\0" + text.encode("utf-16le") + b"\0\0" + text.encode("utf-16be") + b"\0\0" + text.encode("utf-32le") + bytes(4) + text.encode("utf-32be") + bytes(4)
        + b"abc\0defg" + "xy".encode("utf-16le") + b"\0\0zz" + b"\x05hello" + leb(6) + "añb".encode("utf-16be"))
    add(5, b"\0" + b"\0\0" + b"\0\0" + bytes(4) + bytes(4) + b"12345678" + "wxyz".encode("utf-16le") + b"\x00" + leb(0))
    add(6, b"\x00\x7f\x80\xff" + b"\x03abc")
    add(6, b"\xde\xad\xbe\xef" + b"\x00")
    # flags are aligned to 32 bits and `aligned` to 16: built with the offset known later
    ev.append((7, t + 10, "arrays")); t += 10
    add(8, b"\x01\x34\x12" + b"\x00" + b"zero\0\x09" + b"\xaa")
    add(8, b"\x00" + b"\x14" + b"twenty\0" + b"\xbb")
    add(8, b"\x00" + b"\x7f" + b"\xcc")
    add(9, b"\x05five\0" + leb(0, True))
    add(9, b"\x08\xf8\xff" + leb(-3, True) + b"\x21")
    add(9, b"\x14\x07" + leb(-1000, True) + leb(9, True) + b"\x01")
    add(10, b"\x02\x0a\x0b")
    add(11, b"\x02ctx\0" + b"\x01\x02" + b"abc" + b"\xca\xfe", clen=3)
    add(12, b"")
    add(300, b"\x2a")
    head = 4 + 16 + 1 + 1 + 8 + 8 + 16 + 2 + 1
    body = b""
    for id, time, data in ev:
        if data == "arrays":
            b = event(id, time, common())
            while (head + len(body) + len(b)) % 4: b += b"\0"
            b += (b"\x01\x02\x03" + b"\x02" + b"one\0" + leb(2) + b"\xff\x01" + b"none\0" + leb(0))
            while (head + len(body) + len(b)) % 4: b += b"\0"
            b += bytes([0b0000_1001])
            while (head + len(body) + len(b)) % 2: b += b"\0"
            body += b + b"\x55\x66"
        else:
            body += event(id, time, data)
    with open(os.path.join(folder, "stream"), "wb") as out:
        out.write(packet(0, 3, 1000, t, 0, 0, 1, body, extra=b"\x02"))
        # losses: 5 events, then 2 packets
        out.write(packet(0, 3, t + 100, t + 300, 1, 5, 1, event(12, t + 150, common()), extra=b"\x02"))
        out.write(packet(0, 3, t + 1000, t + 2000, 4, 5, 1, event(12, t + 1500, common()), extra=b"\x02"))

def nested_roles(root):
    """Roles within structures and variants: the compact and the extended header of LTTng; no UUID, no magic number."""
    folder = os.path.join(root, "nested-roles")
    here = lambda *path: {"path": list(path)}
    ts = ["default-clock-timestamp"]
    header = struct_of(
        ("kind", u(5, 8, roles=["event-record-class-id"])),
        ("v", {"type": "variant", "selector-field-location": here("kind"), "options": [
            {"name": "compact", "selector-field-ranges": [[0, 30]], "field-class": struct_of(("t", u(27, 1, roles=ts)))},
            {"name": "extended", "selector-field-ranges": [[31, 31]], "field-class": struct_of(
                ("id", u(32, roles=["event-record-class-id"])), ("t", u(64, roles=ts)))}]}), **{"minimum-alignment": 8})
    n8 = u(8)
    fragments(folder, [
        {"type": "preamble", "version": 2},
        {"type": "trace-class", "packet-header-field-class": struct_of(("in", struct_of(("id", u(8, roles=["data-stream-id"])))))},
        {"type": "clock-class", "id": "c", "frequency": 1000, "offset-from-origin": {"seconds": 100}},
        {"type": "data-stream-class", "id": 0, "default-clock-class-id": "c",
         "packet-context-field-class": struct_of(("sizes", struct_of(("bits", u(32, roles=["packet-total-length", "packet-content-length"])))),
            ("begin", u(32, roles=["default-clock-timestamp"])), ("cpu", u(8))),
         "event-record-header-field-class": header},
        {"type": "event-record-class", "id": 2, "name": "short", "payload-field-class": struct_of(("x", n8),
            ("sel", n8), ("v", {"type": "variant", "selector-field-location": here("sel"), "options": [
                {"selector-field-ranges": [[0, 0]], "field-class": struct_of(("n", n8), ("in", {"type": "dynamic-length-array", "length-field-location": here("n"), "element-field-class": n8}))},
                {"selector-field-ranges": [[1, 9]], "field-class": struct_of(("n", u(16)), ("s", {"type": "null-terminated-string"}))}]}),
            ("after", {"type": "dynamic-length-string", "length-field-location": here("v", "n")}))},
        {"type": "event-record-class", "id": 1000, "name": "long", "payload-field-class": struct_of(("x", n8))},
    ])
    short = lambda t, body: struct.pack("<I", 2 | (t & 0x7ffffff) << 5) + body
    long = lambda id, t, body: b"\x1f" + struct.pack("<IQ", id, t) + body
    body = short(5, b"\x01" + b"\x00\x02\x0a\x0b" + b"hi") + long(1000, 0x8000001, b"\x02") + short(3, b"\x03" + b"\x01\x03\x00str\0" + b"abc")
    with open(os.path.join(folder, "stream"), "wb") as out:
        out.write(b"\x07" + struct.pack("<IIB", (10 + len(body)) * 8, 4, 3) + body)

if __name__ == "__main__":
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    every_class(root)
    nested_roles(root)
