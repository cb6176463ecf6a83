"""Reads the fields of these names of every event with babeltrace2's bindings, and prints how many events there are and
what the numbers, and the lengths of the texts, come to: fields.py TRACE NAME..."""

import sys

import bt2

trace, names = sys.argv[1], sys.argv[2:]
events = total = 0
for message in bt2.TraceCollectionMessageIterator(trace):
    if type(message) is not bt2._EventMessageConst:
        continue
    event = message.event
    events += 1
    for name in names:
        try:
            value = event[name]
        except KeyError:
            continue
        total += len(value) if isinstance(value, bt2._StringFieldConst) else int(value)
print(f"{events} events, {total & 0xffff_ffff_ffff_ffff:x}")
