//! A shape learned from one message.

use std::ops::Range;

use super::layout::{Body, COUNTS, Counts, Ending, Levels, NUMBERS, Numbers, Shape, Text, is_number, mask};
use super::number::{Format, LONGEST};
use super::template::{BLOCK, Digits, Template};
use super::walk::{array, object, unquoted};
use super::{Names, Part, Scales, Unit};

/// Characters of a whole number that nobody reads.
const DIGITS_MAX: usize = 20;

/// A named value: where it stands, without its quotes or brackets.
struct Item {
    at: Range<usize>,
    part: Part,
}

/// The shape of a message in which these fields change and nothing else does.
///
/// `None` where it has none that can be read: a field is missing, a number is written in another way, two numbers of
/// variable length have one of fixed length between them.
pub(super) fn learn(frame: &[u8], names: Names<'_>, scales: Scales) -> Option<Shape> {
    let mut items = find(frame, names)?;
    items.sort_by_key(|item| item.at.start);
    let varies = |item: &Item| matches!(item.part, Part::Number(..) | Part::Levels(..));
    let first = items.iter().position(varies)?;
    let last = items.iter().rposition(varies)?;
    let (before, rest) = items.split_at(first);
    let (body, after) = rest.split_at(last - first + 1);
    let (begin, end) = (body.first()?.at.start, body.last()?.at.end);
    if begin < LONGEST || !body.iter().all(varies) || before.iter().any(|item| item.part == Part::Flag) {
        return None;
    }
    let beginning = Template::beginning(frame.get(..begin)?, &digits(before, 0)?)?;
    let (endings, behind_flag) = endings(frame, before, after, end)?;
    let tail = endings.iter().map(|ending| ending.template.length).min()?;
    let is_levels = matches!(body.first()?.part, Part::Levels(_));
    let body = match is_levels {
        true => Body::Levels(levels(frame, body, scales)?),
        false => Body::Numbers(numbers(frame, body, scales, tail)?),
    };
    // Blocks and words are loaded whole, at either end.
    let shortest = (begin + tail).max(BLOCK + LONGEST);
    Some(Shape { beginning, endings, behind_flag, body, shortest })
}

/// The named values of the message.
fn find(frame: &[u8], names: Names<'_>) -> Option<Vec<Item>> {
    let mut entries = object(frame, 0)?;
    if let Some(inside) = names.inside {
        let (_, event) = entries.iter().find(|(key, _)| *key == inside.as_bytes())?;
        entries = object(frame, event.start)?;
    }
    let item = |&(name, part): &(&str, Part)| {
        let (_, value) = entries.iter().find(|(key, _)| *key == name.as_bytes())?;
        let at = match part {
            Part::Levels(_) => value.start + 1..value.end - 1,
            Part::Flag => value.clone(),
            _ => unquoted(frame, value.clone())?,
        };
        Some(Item { at, part })
    };
    names.fields.iter().map(item).collect()
}

/// The places of whole numbers, counted from `origin`.
fn digits(items: &[Item], origin: usize) -> Option<Vec<Digits>> {
    let place = |item: &Item| Digits { at: item.at.start - origin, length: item.at.len() };
    Some(items.iter().filter(|item| item.part != Part::Flag).map(place).collect())
}

/// Every whole number is one by the grammar, and no longer than can be read.
fn are_whole(frame: &[u8], items: &[Item]) -> bool {
    items.iter().filter(|item| item.part != Part::Flag).all(|item| {
        let text = frame.get(item.at.clone()).unwrap_or_default();
        let longest = if item.part == Part::Digits { DIGITS_MAX } else { LONGEST };
        (1..=longest).contains(&text.len())
            && text.iter().all(u8::is_ascii_digit)
            && (text.len() == 1 || text.first() != Some(&b'0'))
    })
}

/// The message's end in both forms, and how far before it a flag ends.
fn endings(
    frame: &[u8],
    before: &[Item],
    after: &[Item],
    end: usize,
) -> Option<([Ending; 2], Option<usize>)> {
    if !are_whole(frame, before) || !are_whole(frame, after) {
        return None;
    }
    let mut flags = after.iter().filter(|item| item.part == Part::Flag);
    let flag = flags.next().map(|item| item.at.clone());
    if flags.next().is_some() {
        return None;
    }
    let ending = |word: Option<&[u8]>| {
        let mut text = frame.get(end..)?.to_vec();
        let mut moved = 0isize;
        if let (Some(flag), Some(word)) = (&flag, word) {
            text.splice(flag.start - end..flag.end - end, word.iter().copied());
            moved = word.len() as isize - flag.len() as isize;
        }
        // Where a number behind the flag stands in a message that ends so.
        let place = |at: usize| match &flag {
            Some(flag) if at > flag.start => at.wrapping_add_signed(moved),
            _ => at,
        };
        let digits: Vec<_> = digits(after, end)?
            .iter()
            .map(|digits| Digits { at: place(digits.at + end) - end, ..*digits })
            .collect();
        let length = end + text.len();
        let template = Template::end(&text, &digits)?;
        Some(Ending { template, counts: counts(before, after, |at| place(at).wrapping_sub(length))? })
    };
    let (on, off): (&[u8], &[u8]) = (b"true", b"false");
    let endings = match flag {
        Some(_) => [ending(Some(on))?, ending(Some(off))?],
        None => [ending(None)?; 2],
    };
    Some((endings, flag.map(|flag| frame.len() - flag.end)))
}

/// Where the whole numbers that are read stand; `from_end` turns a place behind the body to one before the end.
fn counts(before: &[Item], after: &[Item], from_end: impl Fn(usize) -> usize) -> Option<Counts> {
    let mut counts = Counts { ends: [LONGEST; COUNTS], from_end: [0; COUNTS], bytes: 0 };
    for (item, is_before) in
        before.iter().map(|item| (item, true)).chain(after.iter().map(|item| (item, false)))
    {
        let Part::Count(slot) = item.part else { continue };
        *counts.ends.get_mut(slot)? = if is_before { item.at.end } else { from_end(item.at.end) };
        *counts.from_end.get_mut(slot)? = if is_before { 0 } else { usize::MAX };
        if is_before && item.at.end < LONGEST {
            return None;
        }
        let bytes = (0xffff_0000u64 >> item.at.len()) & 0xffff;
        counts.bytes |= bytes << (LONGEST * slot);
    }
    Some(counts)
}

fn numbers(frame: &[u8], items: &[Item], scales: Scales, tail: usize) -> Option<Numbers> {
    let none = Format::none();
    let mut numbers = Numbers {
        expected: [none.expected; NUMBERS],
        limit: [none.limit; NUMBERS],
        moved: [none.moved; NUMBERS],
        shortest: [none.shortest; NUMBERS],
        spread: [none.spread; NUMBERS],
        gap: [0; NUMBERS],
        text: [[0; 2]; NUMBERS],
        nth: [0; NUMBERS],
        others: 0,
        used: items.len(),
        formats: [none; NUMBERS],
    };
    let mut slots = [None; NUMBERS];
    for (index, item) in items.iter().enumerate() {
        let Part::Number(slot, unit) = item.part else { return None };
        // In the order of the bytes, as they are read.
        if slot != index || slots.get_mut(slot)?.replace(()).is_some() {
            return None;
        }
        let format = Format::of(frame.get(item.at.clone())?, scales.of(unit), true)?;
        *numbers.expected.get_mut(slot)? = format.expected;
        *numbers.limit.get_mut(slot)? = format.limit;
        *numbers.moved.get_mut(slot)? = format.moved;
        *numbers.shortest.get_mut(slot)? = format.shortest;
        *numbers.spread.get_mut(slot)? = format.spread;
        *numbers.formats.get_mut(slot)? = format;
        if let Some(next) = items.get(index + 1) {
            let text = frame.get(item.at.end..next.at.start)?;
            // The word at the text's beginning is loaded whole.
            if text.iter().any(|&byte| is_number(byte)) || text.len() > 8 || text.len() + 1 + tail < 8 {
                return None;
            }
            let mut word = [0; 8];
            word.get_mut(..text.len())?.copy_from_slice(text);
            *numbers.text.get_mut(slot + 1)? = [u64::from_le_bytes(word), mask(text.len())];
            *numbers.gap.get_mut(slot + 1)? = text.len();
            *numbers.nth.get_mut(slot)? = numbers.others;
            numbers.others += text.len() as u32;
        }
    }
    numbers.nth.iter_mut().skip(items.len() - 1).for_each(|nth| *nth = numbers.others);
    Some(numbers)
}

fn levels(frame: &[u8], items: &[Item], scales: Scales) -> Option<Levels> {
    for (index, item) in items.iter().enumerate() {
        if item.part != Part::Levels(index) {
            return None;
        }
    }
    let middle = match items {
        [_] => None,
        [first, second] => Some(Text::new(frame.get(first.at.end..second.at.start)?)?),
        _ => return None,
    };
    let arrays: Option<Vec<_>> =
        items.iter().map(|item| Some((item.at.clone(), array(frame, item.at.start - 1)?))).collect();
    // The longest shows best what stands between levels.
    let (at, elements) = arrays?.into_iter().max_by_key(|(_, elements)| elements.len())?;
    let pair = |element: &Range<usize>| {
        let [price, qty] = <[_; 2]>::try_from(array(frame, element.start)?).ok()?;
        Some((unquoted(frame, price)?, unquoted(frame, qty)?))
    };
    let (price, qty) = pair(elements.first()?)?;
    let (_, last) = pair(elements.last()?)?;
    let close = frame.get(last.end..at.end)?;
    let open = frame.get(at.start..price.start)?;
    let join = match elements.get(1) {
        Some(second) => frame.get(qty.end..pair(second)?.0.start)?.to_vec(),
        None => [close, b",", open].concat(),
    };
    // Where an array ends shows in the first byte behind `close`.
    let behind = join.strip_prefix(close)?.first()?;
    if middle.is_some_and(|middle| middle.bytes().first() == Some(behind)) {
        return None;
    }
    let between = frame.get(price.end..qty.start)?;
    let unit = [between, &join].concat();
    let mut period = [0; 64];
    let period_length = 64 / unit.len() * unit.len();
    for (slot, &byte) in period.iter_mut().zip(unit.iter().cycle()).take(period_length) {
        *slot = byte;
    }
    Some(Levels {
        price: Format::of(frame.get(price)?, scales.of(Unit::Price), false)?,
        qty: Format::of(frame.get(qty)?, scales.of(Unit::Qty), true)?,
        open: Text::new(open)?,
        between: Text::new(between)?,
        join: Text::new(&join)?,
        close: Text::new(close)?,
        middle,
        period,
        period_length,
    })
}
