#!/bin/sh
# Fills fuzz/corpus from the sample messages. In corpus/venue the first byte chooses the venue, in the order of the
# registry, and the second the kind: 0 frame, 1 frame of a raw connection, 2 REST snapshot, 3 list of instruments.
set -eu
cd "$(dirname "$0")"
mkdir -p corpus/venue corpus/json corpus/shape corpus/book corpus/capture corpus/journal
place=0
for folder in $(sed -n '/^registry::venues! {/,/^}/s/.*: \(.*\),/\1/p' ../crates/venue/src/lib.rs); do
    for sample in ../crates/venue/src/"$folder"/samples/*.json; do
        name=$folder-$(basename "$sample" .json)
        for kind in 0 1 2 3; do
            {
                printf "\\$(printf %03o "$place")\\$(printf %03o "$kind")"
                cat "$sample"
            } >"corpus/venue/$name-$kind"
        done
        cp "$sample" "corpus/json/$name"
    done
    place=$((place + 1))
done
printf '1000 C wss://x/ws\n2000 R {"u":1}\n3000 B aGVsbG8=\n4000 H https://x/depth {"bids":[]}\n' >corpus/capture/plain
# In corpus/shape the first byte chooses the message, and three bytes each say how it is changed.
for message in 0 1 2 3 4 5 6 7 8 9 10 11; do
    {
        printf "\\$(printf %03o "$message")"
        printf '@\000\001P\000\002`\200\003p\003\007'
    } >corpus/shape/"$message"
done
