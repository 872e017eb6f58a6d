"""Reads what `touchline convert` wrote of one recording with pyarrow and NumPy: they must see the same numbers.

Usage: read_tables.py TABLE.PARQUET TABLE.CSV ARCHIVE.NPZ... Exit code 1 if a type, a row or an order is wrong.
"""
import csv
import sys
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

STAMP, EXACT = pa.timestamp("ns", tz="UTC"), pa.decimal128(38, 18)
SCHEMA = {
    "update": pa.uint64(), "line": pa.uint64(), "ts_recv": STAMP, "ts_event": STAMP, "venue": pa.string(),
    "symbol": pa.string(), "kind": pa.string(), "beside_stream": pa.bool_(), "previous": pa.uint64(),
    "sequence": pa.uint64(), "side": pa.string(), "price": EXACT, "qty": EXACT, "trade_id": pa.uint64(),
    "cut": pa.uint32(), "checksum": pa.uint32(), "reason": pa.string(), "last": pa.bool_(),
}
REQUIRED = {"update", "line", "venue", "symbol", "kind", "beside_stream", "previous", "sequence", "last"}
EVENT = np.dtype([("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8"),
                  ("order_id", "u8"), ("ival", "i8"), ("fval", "f8")])
EXCH, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
DEPTH, TRADE, CLEAR, SNAPSHOT = 1, 2, 3, 4


def value(kind, text):
    """A field of the CSV as its column's type has it; none where nothing stands."""
    if text == "":
        return None
    if kind == EXACT:
        return Decimal(text)
    if kind == pa.bool_():
        return {"true": True, "false": False}[text]
    return text if kind == pa.string() else int(text)


def compare(parquet, table):
    """What differs between the two tables, and their rows."""
    file = pq.ParquetFile(parquet)
    wrong = []
    if file.schema_arrow.names != list(SCHEMA):
        return [f"columns are {file.schema_arrow.names}"], 0
    for name, kind in SCHEMA.items():
        field = file.schema_arrow.field(name)
        if field.type != kind or field.nullable == (name in REQUIRED):
            wrong.append(f"{name} is {field}")
    with open(table, encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        if next(rows) != list(SCHEMA):
            wrong.append("the CSV has other columns")
        count, before = 0, 0
        for batch in file.iter_batches():
            columns = [column.cast(pa.int64()) if column.type == STAMP else column for column in batch.columns]
            for theirs in zip(*(column.to_pylist() for column in columns)):
                ours = tuple(map(value, SCHEMA.values(), next(rows, [])))
                if ours != theirs and len(wrong) < 10:
                    wrong.append(f"row {count}: {theirs} in Parquet, {ours} in CSV")
                received = theirs[2] or before
                if received < before and len(wrong) < 10:
                    wrong.append(f"row {count} was received before the one above it")
                count, before = count + 1, received
        if next(rows, None) is not None:
            wrong.append("the CSV has more rows")
    return wrong, count


def archive(npz, table):
    """What is wrong with the archive, and its records."""
    with np.load(npz) as archive:
        if archive.files != ["data"]:
            return [f"the archive holds {archive.files}"], 0
        data = archive["data"]
    if data.dtype != EVENT:
        return [f"records are {data.dtype}"], 0
    wrong = []
    flags, kinds = data["ev"], data["ev"] & 0xFF
    if (flags & ~np.uint64(0xFF | EXCH | LOCAL | BUY | SELL)).any() or not np.isin(kinds, [1, 2, 3, 4]).all():
        wrong.append("unknown flags")
    sided = (flags & BUY != 0).astype(int) + (flags & SELL != 0)
    if (sided != (kinds != CLEAR)).any():
        wrong.append("an event is not of one side")
    for name, stamps, heard_by in [("exchange's", "exch_ts", EXCH), ("our", "local_ts", LOCAL)]:
        if (np.diff(data[stamps][flags & heard_by != 0]) < 0).any():
            wrong.append(f"{name} side is out of order")
    if (flags & EXCH != 0).sum() != (flags & LOCAL != 0).sum():
        wrong.append("the sides hear different events")
    for name in ("order_id", "ival", "fval"):
        if data[name].any():
            wrong.append(f"{name} is not 0")
    # Its trades are the table's, each the nearest float.
    heard = data[(kinds == TRADE) & (flags & LOCAL != 0)]
    trades = [("buy" if event["ev"] & BUY else "sell", event["px"], event["qty"]) for event in heard]
    columns = pq.read_table(table, columns=["symbol", "side", "price", "qty"], filters=[("kind", "=", "trade")])
    plain = lambda symbol: "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in symbol)
    expected = [(row["side"], float(row["price"]), float(row["qty"])) for row in columns.to_pylist()
                if npz.endswith(f".{plain(row['symbol'])}.npz")]
    if trades != expected:
        wrong.append(f"{len(trades)} trades, {len(expected)} in the table, or others")
    return wrong, len(data)


def main(parquet, table, *archives):
    wrong, rows = compare(parquet, table)
    records = 0
    for npz in archives:
        more, found = archive(npz, parquet)
        wrong += [f"{npz}: {line}" for line in more]
        records += found
    if not rows or not records:
        wrong.append("there is nothing to read")
    for line in wrong:
        print(line)
    if not wrong:
        print(f"{rows} rows are the same in Parquet and CSV, types and order right; {records} events of "
              f"{len(archives)} archives have their layout and both orders, and their trades are the table's")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
