//! Columns with few values, encoded here: a dictionary, and which of it each row has. For what is known without a look at
//! the rows' own values (facts of streams, labels) this is many times as fast as to let a dictionary be found.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// Equal values in a row from which on they are told as a run.
const MIN_RUN: usize = 16;

/// The distinct values of a column, as Parquet's plain encoding has them.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    plain: Vec<u8>,
    count: u32,
}

impl Dictionary {
    /// Adds a text, and gives its number.
    pub(super) fn text(&mut self, text: &[u8]) -> u32 {
        self.plain.extend((text.len() as u32).to_le_bytes());
        self.plain.extend(text);
        self.count += 1;
        self.count - 1
    }

    /// Adds an integer, and gives its number.
    pub(super) fn integer(&mut self, value: i64) -> u32 {
        self.plain.extend(value.to_le_bytes());
        self.count += 1;
        self.count - 1
    }
}

/// Which value the rows have.
#[derive(Debug)]
pub(super) enum Rows<'a> {
    /// All the first of the dictionary.
    Same(usize),
    /// For each value its number, and for each row its definition level; no levels if all have a value.
    Each { numbers: &'a [u32], levels: &'a [u32] },
    /// None has a value.
    Missing(usize),
}

/// Encodes a column chunk without repetition.
pub(super) fn chunk(
    column: ColumnDescPtr,
    dictionary: &Dictionary,
    rows: &Rows<'_>,
) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
    let mut body = Vec::new();
    let most = column.max_def_level() as u32;
    if most > 0 {
        let mut levels = Vec::new();
        let width = 32 - most.leading_zeros();
        match rows {
            Rows::Same(count) => run(most, *count, width, &mut levels),
            Rows::Missing(count) => run(0, *count, width, &mut levels),
            Rows::Each { numbers, levels: [] } => run(most, numbers.len(), width, &mut levels),
            Rows::Each { levels: each, .. } => hybrid(each, width, &mut levels),
        }
        body.extend((levels.len() as u32).to_le_bytes());
        body.extend(levels);
    }
    let width = 32 - dictionary.count.saturating_sub(1).leading_zeros();
    let has_values = dictionary.count > 0 && !matches!(rows, Rows::Missing(_));
    let count = match rows {
        Rows::Same(count) | Rows::Missing(count) => *count,
        Rows::Each { numbers, levels } => numbers.len().max(levels.len()),
    };
    if has_values {
        body.push(width as u8);
        match rows {
            Rows::Each { numbers, .. } => hybrid(numbers, width, &mut body),
            _ => run(0, count, width, &mut body),
        }
    }
    let mut sink = TrackedWrite::new(Vec::new());
    let mut pages = SerializedPageWriter::new(&mut sink);
    let mut dictionary_bytes = 0;
    if has_values {
        let page = Page::DictionaryPage {
            buf: Bytes::copy_from_slice(&dictionary.plain),
            num_values: dictionary.count,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        dictionary_bytes = pages.write_page(CompressedPage::new(page, dictionary.plain.len()))?.bytes_written;
    }
    let (size, encoding) = (body.len(), if has_values { Encoding::RLE_DICTIONARY } else { Encoding::PLAIN });
    let page = Page::DataPage {
        buf: Bytes::from(body),
        num_values: count as u32,
        encoding,
        def_level_encoding: Encoding::RLE,
        rep_level_encoding: Encoding::RLE,
        statistics: None,
    };
    let data_bytes = pages.write_page(CompressedPage::new(page, size))?.bytes_written;
    pages.close()?;
    let bytes = Bytes::from(sink.into_inner()?);
    let all = (dictionary_bytes + data_bytes) as i64;
    let mut encodings = vec![Encoding::PLAIN, Encoding::RLE];
    if has_values {
        encodings.push(Encoding::RLE_DICTIONARY);
    }
    let metadata = ColumnChunkMetaData::builder(column)
        .set_encodings(encodings)
        .set_compression(Compression::UNCOMPRESSED)
        .set_num_values(count as i64)
        .set_total_compressed_size(all)
        .set_total_uncompressed_size(all)
        .set_dictionary_page_offset(has_values.then_some(0))
        .set_data_page_offset(dictionary_bytes as i64)
        .build()?;
    let closed = ColumnCloseResult {
        bytes_written: all as u64,
        rows_written: count as u64,
        metadata,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    };
    Ok((bytes, closed))
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A run of one value.
fn run(value: u32, count: usize, width: u32, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    out.extend(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Values packed, in groups of eight.
fn packed(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let groups = values.len().div_ceil(8);
    varint((groups as u64) << 1 | 1, out);
    let (mut bits, mut count) = (0u64, 0);
    let padding = groups * 8 - values.len();
    for value in values.iter().copied().chain(std::iter::repeat_n(0, padding)) {
        bits |= u64::from(value) << count;
        count += width;
        while count >= 8 {
            out.push(bits as u8);
            (bits, count) = (bits >> 8, count - 8);
        }
    }
}

/// Runs where there are any, packed values between.
fn hybrid(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let (mut start, mut at) = (0, 0);
    while at < values.len() {
        let length = values[at..].iter().take_while(|value| **value == values[at]).count();
        if length >= MIN_RUN {
            // Only the last of what is packed may be short of a group.
            let fill = (at - start).wrapping_neg() % 8;
            if at + fill > start {
                packed(&values[start..at + fill], width, out);
            }
            run(values[at], length - fill, width, out);
            start = at + length;
        }
        at += length;
    }
    if start < values.len() {
        packed(&values[start..], width, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The values of the hybrid encoding, as the format's documentation has it.
    fn decoded(mut bytes: &[u8], width: u32) -> Vec<u32> {
        let mut values = Vec::new();
        while !bytes.is_empty() {
            let (mut header, mut shift) = (0u64, 0);
            loop {
                let (byte, rest) = bytes.split_first().unwrap();
                bytes = rest;
                header |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            if header & 1 == 0 {
                let (value, rest) = bytes.split_at(width.div_ceil(8) as usize);
                bytes = rest;
                let value = value.iter().rev().fold(0, |all, byte| all << 8 | u32::from(*byte));
                values.extend(std::iter::repeat_n(value, (header >> 1) as usize));
            } else {
                let (packed, rest) = bytes.split_at((header >> 1) as usize * width as usize);
                bytes = rest;
                let bit = |at: usize| u32::from(packed[at / 8] >> (at % 8) & 1);
                for value in 0..(header >> 1) as usize * 8 {
                    let bits = (0..width as usize).map(|i| bit(value * width as usize + i) << i);
                    values.push(bits.sum());
                }
            }
        }
        values
    }

    proptest! {
        #[test]
        fn the_hybrid_encoding_reads_back(
            width in 1u32..20,
            runs in prop::collection::vec((any::<u32>(), prop_oneof![1usize..3, 1usize..40]), 0..40),
        ) {
            let mask = (1 << width) - 1;
            let values: Vec<u32> =
                runs.iter().flat_map(|(value, count)| std::iter::repeat_n(value & mask, *count)).collect();
            let mut bytes = Vec::new();
            hybrid(&values, width, &mut bytes);
            let back = decoded(&bytes, width);
            prop_assert!(back.len() < values.len() + 8);
            prop_assert_eq!(&back[..values.len()], &values[..]);
        }
    }
}
