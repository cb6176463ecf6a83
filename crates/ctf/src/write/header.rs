//! Event headers from an id and a time.

use super::bits::BitWriter;
use super::long_header::LongHeader;
use super::value::{Value, ValueError, put};
use crate::decode::{Bits, integer_of, option_ranges, sort_key};
use crate::types::{Enumeration, Field, Structure, Type, Variant};

/// Puts a header: the short form of LTTng's if it `fits`, else the long one; fields that are neither ids nor times are 0.
pub(super) fn put_header(
    header: &Structure,
    long: Option<&LongHeader>,
    id: u64,
    time: u64,
    fits: impl Fn(u8) -> bool,
    out: &mut BitWriter,
) -> Result<(), ValueError> {
    if let [tag, variant] = header.fields.as_slice()
        && let (Type::Enumeration(labels), Type::Variant(choice), Some(long)) = (&tag.ty, &variant.ty, long)
    {
        return match short_option(labels, choice, id, &fits) {
            Some(option) => {
                out.align(header.alignment_bits());
                put(&tag.ty, &Value::integer(&labels.container, id), out)?;
                out.align(variant.ty.alignment_bits());
                put_fields(option, id, time, out)
            }
            None => {
                long.write(out, id, time);
                Ok(())
            }
        };
    }
    put_fields(header, id, time, out)
}

/// The option that the id itself stands for, if the time fits into it.
fn short_option<'t>(
    labels: &Enumeration,
    choice: &'t Variant,
    id: u64,
    fits: impl Fn(u8) -> bool,
) -> Option<&'t Structure> {
    let (_, most) = labels.container.range();
    let key = sort_key(id, labels.container.signed);
    let ranges = option_ranges(choice, labels);
    let (.., option) = ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&key))?;
    let Type::Structure(option) = &choice.options[*option].ty else { return None };
    let times_fit = option.fields.iter().filter(|field| is_time(field)).filter_map(integer_of);
    let all_fit = times_fit.into_iter().all(|time| fits(Bits::of(time).size));
    let has_id = option.fields.iter().any(|field| field.name == "id");
    (i128::from(id) <= most && !has_id && all_fit).then_some(option)
}

fn is_time(field: &Field) -> bool {
    integer_of(field).is_some_and(|integer| integer.clock.is_some() || field.name == "timestamp")
}

fn put_fields(structure: &Structure, id: u64, time: u64, out: &mut BitWriter) -> Result<(), ValueError> {
    out.align(structure.alignment_bits());
    for field in &structure.fields {
        let value = match integer_of(field) {
            Some(integer) if field.name == "id" => Value::integer(integer, id),
            Some(integer) if is_time(field) => Value::integer(integer, time),
            _ => match (&field.ty, Value::zero(&field.ty)) {
                (Type::Structure(inner), _) => {
                    put_fields(inner, id, time, out)?;
                    continue;
                }
                (_, Some(zero)) => zero,
                (_, None) => {
                    let cause = "headers with such a variant are not written".to_owned();
                    return Err(ValueError { path: field.name.clone(), cause });
                }
            },
        };
        put(&field.ty, &value, out)?;
    }
    Ok(())
}
