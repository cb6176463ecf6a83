//! URLs on the command line: parsing with LTTng's complaints, and names to addresses.

use std::net::{IpAddr, ToSocketAddrs};

use rttng_wire::client::Uri;
use rttng_wire::client::url::{AddressFamily, TraceUrl, UrlError, uris_of_pair};

use super::output::Output;

/// Asks the system for the first address of a host in a family.
pub(crate) fn resolve(host: &str, family: AddressFamily) -> Option<IpAddr> {
    (host, 0).to_socket_addrs().ok()?.map(|address| address.ip()).find(|ip| match family {
        AddressFamily::Ipv4 => ip.is_ipv4(),
        AddressFamily::Ipv6 => ip.is_ipv6(),
    })
}

/// The URIs of one URL; says what is wrong with it.
pub(crate) fn parse(out: Output, url: &str) -> Option<Vec<Uri>> {
    let uris = url.parse::<TraceUrl>().and_then(|parsed| parsed.uris(resolve));
    report(out, url, uris)
}

/// The URIs of a control URL and a data URL; says what is wrong with them.
pub(crate) fn parse_pair(out: Output, control: &str, data: &str) -> Option<Vec<Uri>> {
    report(out, control, uris_of_pair(control, data, resolve))
}

fn report(out: Output, url: &str, uris: Result<Vec<Uri>, UrlError>) -> Option<Vec<Uri>> {
    match uris {
        Ok(uris) => Some(uris),
        Err(error) => {
            out.error(&error);
            out.error(format_args!("Unable to parse the URL {url}"));
            None
        }
    }
}
