#!/bin/sh
# Makes seeds for `ctf_read` of recorded traces: fuzz/seeds.sh tests/vectors fuzz/corpus/ctf_read
# Each is the size of a metadata file (3 bytes, little-endian), the file, and a data file beside it.
set -eu
mkdir -p "$2"
find "$1" -name metadata -type f | while read -r metadata; do
	folder=$(dirname "$metadata")
	size=$(wc -c <"$metadata")
	for data in "$folder"/*; do
		[ -f "$data" ] && [ -s "$data" ] && [ "$data" != "$metadata" ] || continue
		seed=$2/$(printf '%s' "$data" | cksum | cut -d' ' -f1)
		{
			printf "\\$(printf %03o $((size & 255)))\\$(printf %03o $((size >> 8 & 255)))\\$(printf %03o $((size >> 16)))"
			cat "$metadata" "$data"
		} >"$seed"
	done
done
