//! The long form of LTTng's event headers: an id that says so, then the id and the whole time.

use super::bits::BitWriter;
use crate::decode::{Bits, choice_ranges, integer_of, option_ranges, sort_key};
use crate::types::{Structure, Type};

/// How a long header is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LongHeader {
    steps: Vec<(Step, Option<Bits>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Align(u32),
    Constant(u64),
    Id,
    Time,
}

impl LongHeader {
    /// A header of an id and a time, or one of them, or none.
    pub(super) fn plain(header: Option<&Structure>) -> LongHeader {
        let mut steps = Vec::new();
        if let Some(header) = header {
            steps.push((Step::Align(header.alignment_bits()), None));
            for (field, integer) in header.fields.iter().filter_map(|field| Some((field, integer_of(field)?)))
            {
                let step = if field.name == "id" { Step::Id } else { Step::Time };
                steps.push((Step::Align(integer.alignment_bits), None));
                steps.push((step, Some(Bits::of(integer))));
            }
        }
        LongHeader { steps }
    }

    /// The long form of a header with a tag and a variant, one option of which has an id and a time of 64 bits.
    pub(super) fn of(header: &Structure) -> Option<LongHeader> {
        let [tag, variant] = header.fields.as_slice() else { return None };
        let container = integer_of(tag)?;
        let (reference, choices, ranges) = match (&tag.ty, &variant.ty) {
            (Type::Enumeration(labels), Type::Variant(choice)) => {
                (&choice.tag, &choice.options, option_ranges(choice, labels))
            }
            (_, Type::Choice(choice)) => {
                (&choice.selector, &choice.options, choice_ranges(choice, container.signed))
            }
            _ => return None,
        };
        if reference.path != [tag.name.as_str()] {
            return None;
        }
        let mut found = choices.iter().enumerate().filter_map(|(at, option)| {
            let Type::Structure(long) = &option.ty else { return None };
            let [id, time] = long.fields.as_slice() else { return None };
            let (number, clock) = (integer_of(id)?, integer_of(time)?);
            let is_time = clock.size_bits == 64 && (clock.clock.is_some() || time.name == "timestamp");
            if id.name != "id" || !is_time {
                return None;
            }
            let (first, ..) = ranges.iter().find(|(.., option)| *option == at)?;
            let value = sort_key(*first, container.signed);
            // No label before may cover the value.
            let (.., chosen) = ranges.iter().find(|(a, b, _)| (*a..=*b).contains(first))?;
            let steps = vec![
                (Step::Align(header.alignment_bits()), None),
                (Step::Align(container.alignment_bits), None),
                (Step::Constant(value), Some(Bits::of(container))),
                (Step::Align(variant.ty.alignment_bits()), None),
                (Step::Align(long.alignment_bits()), None),
                (Step::Align(number.alignment_bits), None),
                (Step::Id, Some(Bits::of(number))),
                (Step::Align(clock.alignment_bits), None),
                (Step::Time, Some(Bits::of(clock))),
            ];
            (*chosen == at).then_some(LongHeader { steps })
        });
        found.next()
    }

    pub(super) fn write(&self, out: &mut BitWriter, id: u64, time: u64) {
        for (step, bits) in &self.steps {
            match (step, bits) {
                (Step::Constant(value), Some(bits)) => out.integer(*value, *bits),
                (Step::Id, Some(bits)) => out.integer(id, *bits),
                (Step::Time, Some(bits)) => out.integer(time, *bits),
                (Step::Align(bits), _) => out.align(*bits),
                (_, None) => {}
            }
        }
    }
}
