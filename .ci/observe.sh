#!/usr/bin/env bash
# What a running feed shows, read by other tools: a simulated exchange is recorded by a configuration file, the metrics
# are scraped meanwhile, the interval log and the journal read afterwards. Ten seconds; it needs the release build.
set -euo pipefail
cd "$(dirname "$0")/.."
touchline=${TOUCHLINE:-target/release/touchline}
out=$(mktemp -d)
started=()
end() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$out"
}
trap end EXIT

# The text between two others in a file that grows; waits ten seconds for it at most.
between() {
    local found
    for _ in $(seq 200); do
        found=$(sed -n "s|.*$2\(.*\)$3.*|\1|p" "$1" | head -n 1)
        if [ -n "$found" ]; then echo "$found"; return; fi
        sleep 0.05
    done
    { echo "no $2 in:"; cat "$1"; } >&2
    return 1
}

python=
if command -v python3 >/dev/null && python3 -m venv "$out/venv" 2>/dev/null \
    && "$out/venv/bin/pip" install -q hdrhistogram prometheus_client 2>/dev/null; then
    python="$out/venv/bin/python"
else
    echo "-- skipped: reading with Python's prometheus_client and hdrhistogram: no Python package index"
fi

"$touchline" simulate --symbols 2 --rate 2000 --plain --seconds 30 --json >"$out/exchange" 2>&1 &
started+=($!)
root=$(between "$out/exchange" '"ws":"' '","rest"')
cat >"$out/touchline.toml" <<TOML
[[subscribe]]
instruments = ["binance:@BTCUSDT", "binance:@S0001USDT"]
[endpoint.binance]
ws = "$root"
[journal]
folder = "journal"
[metrics]
listen = "127.0.0.1:0"
TOML
"$touchline" check "$out/touchline.toml"
"$touchline" record --config "$out/touchline.toml" --hlog "$out/live.hlog" --seconds 20 \
    >"$out/recorded" 2>"$out/remarks" &
recording=$!
started+=("$recording")
metrics=$(between "$out/remarks" 'metrics: ' '/metrics')
sleep 4
if [ -n "$python" ]; then "$python" .ci/read_metrics.py "$metrics"; fi
kill "$recording"
wait "$recording" || { cat "$out/recorded" "$out/remarks"; exit 1; }
cat "$out/recorded"
if [ -n "$python" ]; then "$python" .ci/read_hlog.py "$out/live.hlog"; fi
"$touchline" replay "$out"/journal/*-000001.tlj
