//! Values that may be absent.

use rttng_ring::SlotWriter;

use crate::field::FieldType;
use crate::payload::{FieldView, PayloadSize};
use crate::value::Value;

/// `<name>_tag` says whether the value is there (`_some`) or not (`_none`); `None` takes that one byte only. Of an
/// optional structure each field has a tag; an optional slice is empty where it is absent; an optional value that is
/// optional itself is absent if either is.
impl<T: Value> Value for Option<T> {
    const TYPE: FieldType = FieldType::Optional(&T::TYPE);

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        T::measure_optional(self.as_ref(), size);
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        T::write_optional(self.as_ref(), to);
    }

    #[inline]
    fn view(&self, leaf: u32) -> FieldView<'_> {
        self.as_ref().map_or(FieldView::None, |value| value.view(leaf))
    }

    #[inline]
    fn measure_optional(value: Option<&Self>, size: &mut PayloadSize) {
        T::measure_optional(value.and_then(Option::as_ref), size);
    }

    #[inline]
    fn write_optional(value: Option<&Self>, to: &mut SlotWriter<'_>) {
        T::write_optional(value.and_then(Option::as_ref), to);
    }
}
