//! Types that LTTng's traces do not have.
struct Customer;

fn generic<T: rttng_ust::Value + Copy>(value: T) {
    rttng_ust::event!("shop:order", value: T);
    //~                                    ^ can't use generic parameters from outer item
}

fn main() {
    let (many, offset) = (1u128, -1i128);
    rttng_ust::event!("shop:order", id: u64 = 7, many: u128);
    //~                                                ^^^^ LTTng has no 128-bit integers: record two `u64`, or text
    rttng_ust::event!("shop:order", offset: i128, id: u64 = 7);
    //~                                     ^^^^ `i128` cannot be a field of an LTTng event
    rttng_ust::event!("shop:order", id: u64 = 7, customer: Customer = Customer, last: u8 = 0);
    //~                                                    ^^^^^^^^ types with a derived `Value` can
    rttng_ust::event!("shop:order", customer: Option<Customer> = None);
    //~                                       ^^^^^^^^^^^^^^^^ `Customer` cannot be a field of an LTTng event
    rttng_ust::event!("shop:order", names: &[&str] = &["Ada"]);
    //~                                    ^^^^^^^ `&str` cannot be an element of an array or slice
    rttng_ust::event!("shop:order", prices: &[f64] = &[1.5]);
    //~                                     ^^^^^^ record floats as their bits (`f64::to_bits`)
    rttng_ust::event!("shop:order", place: [f32; 2] = [0.5, 1.5]);
    //~                                    ^^^^^^^^ `f32` cannot be an element of an array or slice
    rttng_ust::event!("shop:order", customers: [Customer; 1] = [Customer]);
    //~                                        ^^^^^^^^^^^^^ structs as an array of each of their fields
    rttng_ust::event!("shop:order", total: rttng_ust::Hex<f64> = rttng_ust::Hex(1.5));
    //~                                    ^^^^^^^^^^^^^^^^^^^ `f64` cannot be displayed in another base
    rttng_ust::event!("shop:order", id: u64 = "seven", customer: &str = "Ada");
    //~                                       ^^^^^^^ expected `u64`, found `&str`
    generic(1u8);
}
