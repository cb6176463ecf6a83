//! Fields that are no fields.
fn main() {
    let (id, größe) = (7u64, 3u64);
    rttng_ust::event!("shop:order", id: u64, id: u64 = 8);
    //~                                      ^^ a second field id
    rttng_ust::event!("shop:order", id = 7);
    //~                             ^^ a field has a type: id: TYPE = …
    rttng_ust::event!("shop:order", id);
    //~                             ^^ the type of field id is missing: id: TYPE
    rttng_ust::event!("shop:order", größe: u64);
    //~                             ^^^^^ names of fields are ASCII
    rttng_ust::event!("shop:order", id: u64 = );
    //~                                     ^ a value is missing
    rttng_ust::event!("shop:order", id: u64 = , last: u8 = 0);
    //~                                     ^ a value is missing
}
