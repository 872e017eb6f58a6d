#!/bin/sh
# Fills fuzz/corpus from the sample messages. In corpus/venue the first byte chooses the venue, in the order of the
# registry, and the second the kind: 0 frame, 1 frame of a raw connection, 2 REST snapshot, 3 list of instruments.
set -eu
cd "$(dirname "$0")"
mkdir -p corpus/frames corpus/venue corpus/json corpus/shape corpus/book corpus/capture corpus/journal
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
# In corpus/frames the bytes behind the first are the lengths of the pieces: whole, byte by byte, by threes and tens.
for pieces in '\000' '\001\001' '\002\003\012'; do
    frames() { { printf "$pieces"; printf "$2"; } >"corpus/frames/$1-$(printf "$pieces" | wc -c)"; }
    frames texts '\201\004text\202\003bin\201\176\000\002ab\201\177\000\000\000\000\000\000\000\001c\201\000'
    frames fragments '\001\002a\303\211\001p\000\000\200\002\244b\201\001c\002\001x\200\001y'
    frames control '\211\000\212\002ok\201\001a\210\002\003\350\201\001b'
    frames refused '\201\001a\301\001b\203\001c'
    frames masked '\201\001a\201\201\001\002\003\004\005'
    frames letters '\201\003a\303\244\201\002a\377'
    frames claims '\202\176\003\350abc'
    frames large "\\202\\176\\001\\054$(printf '%0300d' 7)\\201\\001a"
done
