//! The program that `rttng demo` records: a shop whose customers order in several threads, and whose warehouse is a
//! process of its own.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{io, thread};

use clap::ValueEnum;
use rttng_ust::{Value, event, tracef};

/// Threads with customers.
const CUSTOMERS: u64 = 4;
/// Orders of each of them.
const ORDERS: u64 = 8;
/// Events of the burst.
const BURST: u64 = 20_000;

/// What selects one order of all, among the events of both processes.
pub(super) const ONE_ORDER: &str = "order == 102";

/// A process of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// The first, which starts the other.
    Shop,
    /// Packs what is ordered: lines with numbers on standard input.
    Warehouse,
}

/// What customers buy.
#[derive(Debug, Clone, Copy, Value)]
#[repr(u8)]
enum Goods {
    Tea,
    Coffee,
    Biscuits,
}

/// Is a part of the program.
pub(super) fn main(part: Part) -> ExitCode {
    rttng_ust::start();
    if let Err(error) = rttng_ust_tracing::init() {
        eprintln!("rttng demo: {error}");
        return ExitCode::FAILURE;
    }
    let done = match part {
        Part::Shop => shop(),
        Part::Warehouse => warehouse(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rttng demo: {part:?}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn shop() -> io::Result<()> {
    tracef!("the shop opens, for {CUSTOMERS} customers");
    let this = std::env::current_exe()?;
    let mut warehouse =
        Command::new(this).args(["demo", "--part", "warehouse"]).stdin(Stdio::piped()).spawn()?;
    let lines = warehouse.stdin.take().ok_or_else(|| io::Error::other("the warehouse has no input"))?;
    let lines = Mutex::new(lines);
    let ordered = thread::scope(|scope| {
        let customers: Vec<_> = (1..=CUSTOMERS)
            .map(|number| {
                let lines = &lines;
                let customer = thread::Builder::new().name(format!("customer-{number}"));
                customer.spawn_scoped(scope, move || customer_orders(number, lines))
            })
            .collect();
        let till = thread::Builder::new().name("till".into()).spawn_scoped(scope, burst);
        for customer in customers.into_iter().chain([till]) {
            customer?.join().map_err(|_| io::Error::other("a customer fell over"))??;
        }
        io::Result::Ok(())
    });
    // The warehouse ends with its input.
    drop(lines);
    let packed = warehouse.wait()?;
    ordered?;
    if !packed.success() {
        return Err(io::Error::other(format!("the warehouse ended: {packed}")));
    }
    tracef!("the shop closes");
    Ok(())
}

/// One customer's orders, one after the other.
fn customer_orders(customer: u64, warehouse: &Mutex<ChildStdin>) -> io::Result<()> {
    for number in 0..ORDERS {
        let order = customer * 100 + number;
        let goods = [Goods::Tea, Goods::Coffee, Goods::Biscuits][order as usize % 3];
        let span = tracing::info_span!(target: "shop", "order", order, customer);
        let _in = span.enter();
        let price = 2.5 + (order % 7) as f64 / 4.0;
        event!(
            "demo:order",
            level = INFO,
            order: u64,
            customer: u64,
            goods: Goods,
            price: f64,
            note: Option<&str> = order.is_multiple_of(5).then_some("as a present")
        );
        if let Err(error) = pay(order, price) {
            tracing::error!(target: "shop", order, error = &error as &dyn std::error::Error, "payment failed");
            continue;
        }
        let mut line = warehouse.lock().map_err(|_| io::Error::other("the warehouse is lost"))?;
        writeln!(line, "{order}")?;
        tracing::info!(target: "shop", order, price, "handed to the warehouse");
    }
    Ok(())
}

/// Takes the money: not all cards are good.
#[tracing::instrument(target = "shop::till", level = "info", skip(price))]
fn pay(order: u64, price: f64) -> io::Result<()> {
    work(Duration::from_micros(300 + order % 5 * 200));
    if order.is_multiple_of(13) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("a card without {price}")));
    }
    tracing::debug!(target: "shop::till", order, price, "paid");
    Ok(())
}

/// Packs what is ordered, until nothing more is.
fn warehouse() -> io::Result<()> {
    for line in BufReader::new(io::stdin().lock()).lines() {
        let order: u64 = line?.parse().map_err(io::Error::other)?;
        let _in = tracing::info_span!(target: "shop::warehouse", "pack", order).entered();
        work(Duration::from_micros(200));
        event!("demo:packed", level = INFO, order: u64, weight: u32 = (order % 9 + 1) as u32 * 50);
    }
    Ok(())
}

/// Many events in a short time.
fn burst() -> io::Result<()> {
    for count in 0..BURST {
        event!("demo:count", level = DEBUG, count: u64);
    }
    Ok(())
}

/// Is busy for a while.
fn work(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}
