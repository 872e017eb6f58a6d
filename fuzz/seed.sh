#!/bin/sh
# Fills fuzz/corpus from the sample messages. In corpus/venue the first byte chooses dialect and kind as the target does:
# dialect + 3 * (0 frame, 1 frame of a raw connection, 2 REST snapshot, 3 list of instruments).
set -eu
cd "$(dirname "$0")"
mkdir -p corpus/venue corpus/json corpus/book corpus/capture
dialect=0
for folder in binance binance_usdm binance_coinm; do
    for sample in ../crates/venue/src/"$folder"/samples/*.json; do
        name=$(basename "$sample" .json)
        case $name in
        depth_snapshot | depth_error) kinds=2 ;;
        exchange_info) kinds=3 ;;
        *) kinds="0 1" ;;
        esac
        for kind in $kinds; do
            {
                printf "\\$(printf %03o $((dialect + 3 * kind)))"
                cat "$sample"
            } >"corpus/venue/$folder-$name-$kind"
        done
        cp "$sample" "corpus/json/$folder-$name"
    done
    dialect=$((dialect + 1))
done
printf '1000 C wss://x/ws\n2000 R {"u":1}\n3000 B aGVsbG8=\n4000 H https://x/depth {"bids":[]}\n' >corpus/capture/plain
