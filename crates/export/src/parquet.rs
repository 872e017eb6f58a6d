//! Rows as Parquet, with types that other tools read as what they are.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use ::parquet::basic::{Compression, Encoding, ZstdLevel};
use ::parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int32Type,
    Int64Type,
};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::parser::parse_message_type;
use ::parquet::schema::types::ColumnPath;
use touchline::Update;
use touchline::market::{Decimal, Nanos, SCALE_MAX};

use crate::row::{Row, rows};

/// Rows of a row group, which is what is held in memory: some 60 MB.
pub const GROUP_ROWS: usize = 1 << 17;

const SCHEMA: &str = "message updates {
    required int64 update (INTEGER(64,false));
    required int64 line (INTEGER(64,false));
    optional int64 ts_recv (TIMESTAMP(NANOS,true));
    optional int64 ts_event (TIMESTAMP(NANOS,true));
    required binary venue (STRING);
    required binary symbol (STRING);
    required binary kind (STRING);
    required boolean beside_stream;
    required int64 previous (INTEGER(64,false));
    required int64 sequence (INTEGER(64,false));
    optional binary side (STRING);
    optional fixed_len_byte_array(16) price (DECIMAL(38,18));
    optional fixed_len_byte_array(16) qty (DECIMAL(38,18));
    optional int64 trade_id (INTEGER(64,false));
    optional int32 cut (INTEGER(32,false));
    optional int32 checksum (INTEGER(32,false));
    optional binary reason (STRING);
    required boolean last;
}";

/// Columns whose numbers differ little from row to row.
const RISING: [&str; 6] = ["update", "line", "ts_recv", "ts_event", "previous", "sequence"];

/// Writes updates as Parquet.
pub struct Parquet<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Columns,
    group_rows: usize,
    updates: u64,
    rows: u64,
}

impl<W: Write + Send> fmt::Debug for Parquet<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parquet")
            .field("updates", &self.updates)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl<W: Write + Send> Parquet<W> {
    /// Begins a file; `level` is zstd's, 1 to 22.
    ///
    /// # Errors
    /// What `out` says, and `InvalidInput` for a level that is none.
    pub fn new(out: W, level: i32) -> io::Result<Self> {
        Self::with_groups(out, level, GROUP_ROWS)
    }

    fn with_groups(out: W, level: i32, group_rows: usize) -> io::Result<Self> {
        let level =
            ZstdLevel::try_new(level).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let mut properties = WriterProperties::builder().set_compression(Compression::ZSTD(level));
        for column in RISING {
            properties = properties
                .set_column_dictionary_enabled(ColumnPath::from(column), false)
                .set_column_encoding(ColumnPath::from(column), Encoding::DELTA_BINARY_PACKED);
        }
        let schema = Arc::new(parse_message_type(SCHEMA).map_err(unwritten)?);
        let file = SerializedFileWriter::new(out, schema, Arc::new(properties.build())).map_err(unwritten)?;
        Ok(Self { file, columns: Columns::default(), group_rows, updates: 0, rows: 0 })
    }

    /// Writes an update's rows. False if its kind has none.
    ///
    /// # Errors
    /// What the file says.
    pub fn update(&mut self, update: &Update<'_>) -> io::Result<bool> {
        let Some(rows) = rows(update, self.updates) else { return Ok(false) };
        self.updates += 1;
        for row in rows {
            self.rows += 1;
            self.columns.push(&row)?;
            if self.columns.rows() >= self.group_rows {
                self.end_group().map_err(unwritten)?;
            }
        }
        Ok(true)
    }

    /// Rows written so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes what is still held and the file's end, and gives back what was written to; it is not flushed.
    ///
    /// # Errors
    /// What the file says.
    pub fn finish(mut self) -> io::Result<W> {
        if self.columns.rows() > 0 {
            self.end_group().map_err(unwritten)?;
        }
        self.file.into_inner().map_err(unwritten)
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        self.columns.write(&mut group)?;
        group.close()?;
        Ok(())
    }
}

/// The rows of a group, column by column.
#[derive(Default)]
struct Columns {
    update: Column<Int64Type>,
    line: Column<Int64Type>,
    ts_recv: Column<Int64Type>,
    ts_event: Column<Int64Type>,
    venue: Column<ByteArrayType>,
    symbol: Column<ByteArrayType>,
    kind: Column<ByteArrayType>,
    beside_stream: Column<BoolType>,
    previous: Column<Int64Type>,
    sequence: Column<Int64Type>,
    side: Column<ByteArrayType>,
    price: Column<FixedLenByteArrayType>,
    qty: Column<FixedLenByteArrayType>,
    trade_id: Column<Int64Type>,
    cut: Column<Int32Type>,
    checksum: Column<Int32Type>,
    reason: Column<ByteArrayType>,
    last: Column<BoolType>,
}

impl Columns {
    fn rows(&self) -> usize {
        self.update.values.len()
    }

    fn push(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.update.require(row.update.cast_signed());
        self.line.require(row.line.cast_signed());
        self.ts_recv.push(stamp(row.ts_recv));
        self.ts_event.push(stamp(row.ts_event));
        self.venue.require_text(row.venue);
        self.symbol.require_text(row.symbol);
        self.kind.require_text(row.kind);
        self.beside_stream.require(row.beside_stream);
        self.previous.require(row.previous.cast_signed());
        self.sequence.require(row.sequence.cast_signed());
        self.side.push_text(row.side);
        self.price.push(row.price.map(decimal).transpose()?);
        self.qty.push(row.qty.map(decimal).transpose()?);
        self.trade_id.push(row.trade_id.map(u64::cast_signed));
        self.cut.push(row.cut.map(i32::from));
        self.checksum.push(row.checksum.map(u32::cast_signed));
        self.reason.push_text(row.reason);
        self.last.require(row.last);
        Ok(())
    }

    /// In the order of the schema.
    fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        self.update.write(group)?;
        self.line.write(group)?;
        self.ts_recv.write(group)?;
        self.ts_event.write(group)?;
        self.venue.write(group)?;
        self.symbol.write(group)?;
        self.kind.write(group)?;
        self.beside_stream.write(group)?;
        self.previous.write(group)?;
        self.sequence.write(group)?;
        self.side.write(group)?;
        self.price.write(group)?;
        self.qty.write(group)?;
        self.trade_id.write(group)?;
        self.cut.write(group)?;
        self.checksum.write(group)?;
        self.reason.write(group)?;
        self.last.write(group)
    }
}

/// One column: the values that are there and, where one may be missing, for each row whether it is there.
struct Column<T: DataType> {
    values: Vec<T::T>,
    there: Vec<i16>,
}

impl<T: DataType> Default for Column<T> {
    fn default() -> Self {
        Self { values: Vec::new(), there: Vec::new() }
    }
}

impl<T: DataType> Column<T> {
    fn require(&mut self, value: T::T) {
        self.values.push(value);
    }

    fn push(&mut self, value: Option<T::T>) {
        self.there.push(i16::from(value.is_some()));
        self.values.extend(value);
    }

    fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        let missing = || ParquetError::General("the schema has fewer columns than a row".to_owned());
        let mut writer = group.next_column()?.ok_or_else(missing)?;
        let there = (!self.there.is_empty()).then_some(self.there.as_slice());
        writer.typed::<T>().write_batch(&self.values, there, None)?;
        self.values.clear();
        self.there.clear();
        writer.close()
    }
}

impl Column<ByteArrayType> {
    fn require_text(&mut self, text: &str) {
        let value = self.text(text);
        self.require(value);
    }

    fn push_text(&mut self, text: Option<&str>) {
        let value = text.map(|text| self.text(text));
        self.push(value);
    }

    /// Neighbours with the same text share it.
    fn text(&self, text: &str) -> ByteArray {
        match self.values.last() {
            Some(last) if last.data() == text.as_bytes() => last.clone(),
            _ => ByteArray::from(text),
        }
    }
}

/// A stamp beyond the year 2262 has no place in a table and becomes that year's.
fn stamp(stamp: Nanos) -> Option<i64> {
    stamp.get().map(|ns| i64::try_from(ns).unwrap_or(i64::MAX))
}

/// The number at scale 18, big-endian: any mantissa of 64 bits fits 38 digits there.
fn decimal(number: Decimal) -> io::Result<FixedLenByteArray> {
    let factor = SCALE_MAX.checked_sub(number.scale).and_then(|digits| 10i128.checked_pow(u32::from(digits)));
    let mantissa = factor.and_then(|factor| number.mantissa.checked_mul(factor));
    let mantissa = mantissa.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok(FixedLenByteArray::from(mantissa.to_be_bytes().to_vec()))
}

fn unwritten(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::COLUMNS;
    use crate::samples::{Sample, book, message, trade};
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::Field;
    use touchline::market::{Head, InstrumentId, Reason, Side, Trailer, UpdateKind};

    fn written(samples: &[Sample], group_rows: usize) -> Vec<u8> {
        let mut parquet = Parquet::with_groups(Vec::new(), 3, group_rows).unwrap();
        for sample in samples {
            assert!(parquet.update(&sample.update()).unwrap());
        }
        parquet.finish().unwrap()
    }

    fn file(samples: &[Sample], group_rows: usize) -> SerializedFileReader<std::fs::File> {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), written(samples, group_rows)).unwrap();
        SerializedFileReader::new(path.reopen().unwrap()).unwrap()
    }

    fn samples() -> Vec<Sample> {
        let trailer = Trailer { checksum: Some(4_000_000_000), cut: 10, ..Trailer::default() };
        vec![
            book(UpdateKind::Snapshot, 5, &[(1_005, 20)], &[(-3, 0)]).at(9, 8).beside().with(trailer),
            book(UpdateKind::Delta, 6, &[(i64::MAX, u64::MAX)], &[]).at(10, 0),
            trade(Side::Bid, 10, 7, u64::MAX),
            message(Head::broken(InstrumentId(0), None, Reason::Disconnected)),
        ]
    }

    /// Every value comes back as what it is: decimals exact at both ends of their range, unsigned numbers unsigned, what
    /// is missing missing.
    #[test]
    fn rows_come_back_as_they_went_in() {
        let file = file(&samples(), GROUP_ROWS);
        let rows: Vec<_> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        let column = |name: &str| -> Vec<Field> {
            let at = COLUMNS.iter().position(|column| *column == name).unwrap();
            rows.iter().map(|row| row.get_column_iter().nth(at).unwrap().1.clone()).collect()
        };
        let text = |name: &str| -> Vec<String> { column(name).iter().map(ToString::to_string).collect() };
        assert_eq!(text("kind"), ["\"snapshot\"", "\"snapshot\"", "\"delta\"", "\"trade\"", "\"break\""]);
        assert_eq!(text("side"), ["\"bid\"", "\"ask\"", "\"bid\"", "\"buy\"", "null"]);
        assert_eq!(text("update"), ["0", "0", "1", "2", "3"]);
        assert_eq!(text("last"), ["false", "true", "true", "true", "true"]);
        assert_eq!(text("beside_stream"), ["true", "true", "false", "false", "false"]);
        let mantissa = |field: &Field| match field {
            Field::Decimal(decimal) => {
                assert_eq!((decimal.precision(), decimal.scale()), (38, 18));
                Some(i128::from_be_bytes(decimal.data().try_into().unwrap()))
            }
            _ => None,
        };
        let (deci, centi) = (10i128.pow(17), 10i128.pow(16));
        let prices: Vec<_> = column("price").iter().map(mantissa).collect();
        assert_eq!(
            prices,
            [Some(1_005 * deci), Some(-3 * deci), Some(i128::from(i64::MAX) * deci), Some(10 * deci), None]
        );
        let qtys: Vec<_> = column("qty").iter().map(mantissa).collect();
        assert_eq!(
            qtys,
            [Some(20 * centi), Some(0), Some(i128::from(u64::MAX) * centi), Some(7 * centi), None]
        );
        let null = Field::Null;
        let id = Field::ULong(u64::MAX);
        assert_eq!(column("trade_id"), [null.clone(), null.clone(), null.clone(), id, null.clone()]);
        let checksum = Field::UInt(4_000_000_000);
        assert_eq!(column("checksum")[..3], [checksum.clone(), checksum, null.clone()]);
        assert_eq!(column("cut")[..2], [Field::UInt(10), Field::UInt(10)]);
        assert_eq!(text("reason")[3..], ["null", "\"disconnected\""]);
        assert_eq!(column("ts_event")[2], null);
    }

    /// The schema has the columns of the layout, in their order; a full group is written and the next begun.
    #[test]
    fn groups_are_bounded_and_columns_are_the_layout() {
        let file = file(&samples(), 2);
        let columns = file.metadata().file_metadata().schema_descr().columns();
        let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
        assert_eq!(names, COLUMNS);
        let groups: Vec<_> = file.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups, [2, 2, 1]);
    }

    /// A level that zstd does not have is refused; a file without a row is a file.
    #[test]
    fn a_level_that_is_none_is_refused() {
        assert_eq!(Parquet::new(Vec::new(), 23).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(file(&[], GROUP_ROWS).metadata().file_metadata().num_rows(), 0);
    }
}
