//! Rows as CSV (RFC 4180): a header, lines that end with CR LF, numbers exact and never as floats.

use std::io::{self, Write};

use touchline::Update;
use touchline::market::{Decimal, Nanos};

use crate::row::{COLUMNS, Row, rows};

/// Writes updates as CSV.
#[derive(Debug)]
pub struct Csv<W> {
    out: W,
    line: Vec<u8>,
    updates: u64,
    rows: u64,
}

impl<W: Write> Csv<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(mut out: W) -> io::Result<Self> {
        write!(out, "{}\r\n", COLUMNS.join(","))?;
        Ok(Self { out, line: Vec::new(), updates: 0, rows: 0 })
    }

    /// Writes an update's rows. False if its kind has none.
    ///
    /// # Errors
    /// What `out` says.
    pub fn update(&mut self, update: &Update<'_>) -> io::Result<bool> {
        let Some(rows) = rows(update, self.updates) else { return Ok(false) };
        self.updates += 1;
        for row in rows {
            self.rows += 1;
            self.line.clear();
            line(&mut self.line, &row)?;
            self.out.write_all(&self.line)?;
        }
        Ok(true)
    }

    /// Rows written so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Gives back what was written to; it is not flushed.
    pub fn finish(self) -> W {
        self.out
    }
}

/// One line, its columns in the order of [`COLUMNS`].
fn line(out: &mut Vec<u8>, row: &Row<'_>) -> io::Result<()> {
    write!(out, "{},{},", row.update, row.line)?;
    stamp(out, row.ts_recv)?;
    stamp(out, row.ts_event)?;
    text(out, row.venue);
    out.push(b',');
    text(out, row.symbol);
    write!(out, ",{},{},{},{},", row.kind, row.beside_stream, row.previous, row.sequence)?;
    write!(out, "{},", row.side.unwrap_or_default())?;
    for number in [row.price, row.qty] {
        number.map_or(Ok(()), |number| decimal(out, number))?;
        out.push(b',');
    }
    for number in [row.trade_id, row.cut.map(u64::from), row.checksum.map(u64::from)] {
        number.map_or(Ok(()), |number| write!(out, "{number}"))?;
        out.push(b',');
    }
    write!(out, "{},{}\r\n", row.reason.unwrap_or_default(), row.last)
}

fn stamp(out: &mut Vec<u8>, stamp: Nanos) -> io::Result<()> {
    stamp.get().map_or(Ok(()), |ns| write!(out, "{ns}"))?;
    out.push(b',');
    Ok(())
}

/// All digits that the scale has, trailing zeros included.
fn decimal(out: &mut Vec<u8>, number: Decimal) -> io::Result<()> {
    let (sign, digits) = (if number.mantissa < 0 { "-" } else { "" }, number.mantissa.unsigned_abs());
    let scale = usize::from(number.scale);
    match 10u128.checked_pow(u32::from(number.scale)) {
        Some(unit) if scale > 0 => write!(out, "{sign}{}.{:0scale$}", digits / unit, digits % unit),
        _ => write!(out, "{number}"),
    }
}

/// The venue's text: in quotes where it would break the line.
fn text(out: &mut Vec<u8>, text: &str) {
    if !text.contains([',', '"', '\r', '\n']) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{book, message, trade};
    use touchline::market::{Head, InstrumentId, Reason, Side, Trailer, UpdateKind};

    /// Lines as they are to be, letter for letter: every column once with a value and once empty.
    #[test]
    fn lines_are_as_the_layout_says() {
        let mut csv = Csv::new(Vec::new()).unwrap();
        let trailer = Trailer { checksum: Some(4_000_000_000), cut: 10, ..Trailer::default() };
        let snapshot =
            book(UpdateKind::Snapshot, 5, &[(1_005, 20)], &[(-3, 0)]).at(9, 8).beside().with(trailer);
        assert!(csv.update(&snapshot.update()).unwrap());
        assert!(csv.update(&trade(Side::Bid, 10, 7, 12).update()).unwrap());
        let mut broken = message(Head::broken(InstrumentId(0), None, Reason::Disconnected));
        broken.head.mark = 44;
        broken.instrument.symbol = "A,\"B\"".to_owned();
        assert!(csv.update(&broken.update()).unwrap());
        assert!(!csv.update(&message(Head::new(UpdateKind::Ticker, InstrumentId(0))).update()).unwrap());
        assert_eq!(csv.rows(), 4);
        let expected = [
            &COLUMNS.join(","),
            "0,0,9,8,kraken,XBT/USD,snapshot,true,4,5,bid,100.5,0.20,,10,4000000000,,false",
            "0,0,9,8,kraken,XBT/USD,snapshot,true,4,5,ask,-0.3,0.00,,10,4000000000,,true",
            "1,0,,,kraken,XBT/USD,trade,false,0,0,buy,1.0,0.07,12,,,,true",
            "2,44,,,kraken,\"A,\"\"B\"\"\",break,false,0,0,,,,,,,disconnected,true",
            "",
        ];
        assert_eq!(String::from_utf8(csv.finish()).unwrap(), expected.join("\r\n"));
    }

    /// Numbers are written with all digits of their scale, and no digit is lost.
    #[test]
    fn decimals_keep_every_digit() {
        for (mantissa, scale, expected) in [
            (i128::from(i64::MIN), 18, "-9.223372036854775808"),
            (i128::from(u64::MAX), 0, "18446744073709551615"),
            (0, 3, "0.000"),
            (-7, 2, "-0.07"),
            (120, 1, "12.0"),
        ] {
            let mut text = Vec::new();
            decimal(&mut text, Decimal { mantissa, scale }).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
    }
}
