//! The URLs that people write, and the URIs that they become (`docs/spec/client-protocol.md`, section 11).
//!
//! | URL | means |
//! |---|---|
//! | `file:///PATH`, `/PATH` | a folder on this machine |
//! | `net://HOST[:CTRL[:DATA]][/SUBDIR]`, `net4:`, `net6:` | a relay daemon, both connections |
//! | `tcp://HOST[:PORT][/SUBDIR]`, `tcp4:`, `tcp6:` | one connection of a relay daemon |
//!
//! Names are resolved by the client; this crate asks nobody, so [`TraceUrl::uris`] is handed someone who does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use super::defaults::{CONTROL_PORT, DATA_PORT, PATH_MAX};
use super::uri::{StreamKind, Uri};

/// The family of addresses that a URL asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// IPv4 (`net`, `net4`, `tcp`, `tcp4`).
    Ipv4,
    /// IPv6 (`net6`, `tcp6`).
    Ipv6,
}

/// What is wrong with a URL; the texts are those of liblttng-ctl.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Neither a path nor a scheme that there is.
    #[error("URI parse unknown protocol {0}")]
    UnknownProtocol(String),
    /// A path that is not absolute.
    #[error("Missing destination full path.")]
    MissingPath,
    /// A path or sub-folder that is longer than 4095 bytes or has a NUL.
    #[error("Path too long or malformed in {0}")]
    BadPath(String),
    /// Nothing where a host should be.
    #[error("No address or hostname detected.")]
    NoHost,
    /// A host that has no address of the family.
    #[error("URI parse bad hostname {host} for af {}", match family { AddressFamily::Ipv4 => 2, AddressFamily::Ipv6 => 10 })]
    BadHost {
        /// The host.
        host: String,
        /// The family.
        family: AddressFamily,
    },
    /// A port that is not 1 to 65535.
    #[error("Invalid port number {0}")]
    BadPort(String),
    /// An IPv6 address whose brackets are not closed.
    #[error("Broken IPv6 address {0}")]
    BrokenIpv6(String),
    /// Neither a port, a sub-folder nor the end after an IPv6 address.
    #[error("Unknown symbol after IPv6 address: {0}")]
    AfterIpv6(String),
    /// Something after all ports.
    #[error("Trailing characters not recognized: {0}")]
    Trailing(String),
    /// A data URL beside a folder.
    #[error("Cannot have a data URL when destination is file://")]
    DataBesideFile,
    /// A control URL that already says all, beside another data URL.
    #[error("Control URL uses the net:// protocol and the data URL is different. Not allowed.")]
    ControlIsNet,
    /// A data URL that would say all.
    #[error("Data URL can not be set with the net[4|6]:// protocol")]
    DataIsNet,
    /// Two URLs for two machines.
    #[error("Control and data destination mismatch")]
    Mismatch,
}

/// A relay daemon, as a URL names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelayUrl {
    /// Whether it stands for both connections (`net`) or for one (`tcp`).
    pub both: bool,
    /// The family of its address.
    pub family: AddressFamily,
    /// The host: a name, or an address without brackets.
    pub host: String,
    /// The first port, if the URL has one: of the control connection, or of the only one.
    pub port: Option<u16>,
    /// The second port, if the URL has one: of the data connection.
    pub data_port: Option<u16>,
    /// The folder there; may be empty.
    pub subdir: String,
}

/// Where a trace can go, as a URL says it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TraceUrl {
    /// A folder on this machine, as an absolute path.
    Local(PathBuf),
    /// A relay daemon.
    Relay(RelayUrl),
}

const SCHEMES: &[(&str, bool, AddressFamily)] = &[
    ("net://", true, AddressFamily::Ipv4),
    ("net4://", true, AddressFamily::Ipv4),
    ("net6://", true, AddressFamily::Ipv6),
    ("tcp://", false, AddressFamily::Ipv4),
    ("tcp4://", false, AddressFamily::Ipv4),
    ("tcp6://", false, AddressFamily::Ipv6),
];

impl std::str::FromStr for TraceUrl {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        if url.starts_with('/') {
            return local(url, url);
        }
        if let Some(path) = strip_scheme(url, "file://") {
            return if path.starts_with('/') { local(path, url) } else { Err(UrlError::MissingPath) };
        }
        for &(scheme, both, family) in SCHEMES {
            if let Some(rest) = strip_scheme(url, scheme) {
                return relay(rest, both, family).map(TraceUrl::Relay);
            }
        }
        Err(UrlError::UnknownProtocol(url.to_owned()))
    }
}

fn strip_scheme<'a>(url: &'a str, scheme: &str) -> Option<&'a str> {
    let head = url.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| &url[scheme.len()..])
}

fn local(path: &str, url: &str) -> Result<TraceUrl, UrlError> {
    check_path(path, url)?;
    Ok(TraceUrl::Local(crate::text::to_path(path)))
}

fn check_path(path: &str, url: &str) -> Result<(), UrlError> {
    match path.len() > PATH_MAX || path.contains('\0') {
        true => Err(UrlError::BadPath(url.chars().take(80).collect())),
        false => Ok(()),
    }
}

fn relay(rest: &str, both: bool, family: AddressFamily) -> Result<RelayUrl, UrlError> {
    let (host, after) = match rest.strip_prefix('[') {
        Some(bracketed) => {
            let (address, after) =
                bracketed.split_once(']').ok_or_else(|| UrlError::BrokenIpv6(bracketed.to_owned()))?;
            if address.is_empty() {
                return Err(UrlError::BrokenIpv6(bracketed.to_owned()));
            }
            if !(after.is_empty() || after.starts_with([':', '/'])) {
                return Err(UrlError::AfterIpv6(after.to_owned()));
            }
            (address, after)
        }
        None => rest.split_at(rest.find([':', '/']).unwrap_or(rest.len())),
    };
    if host.is_empty() {
        return Err(UrlError::NoHost);
    }
    let (ports, subdir) = match after.split_once('/') {
        Some((ports, subdir)) => (ports, subdir),
        None => (after, ""),
    };
    check_path(subdir, subdir)?;
    let mut ports = ports.strip_prefix(':').into_iter().flat_map(|ports| ports.split(':'));
    let mut next_port = || ports.next().map_or(Ok(None), parse_port);
    let port = next_port()?;
    let data_port = if both { next_port()? } else { None };
    if let Some(trailing) = ports.next() {
        return Err(UrlError::Trailing(ports.fold(format!(":{trailing}"), |all, port| all + ":" + port)));
    }
    Ok(RelayUrl { both, family, host: host.to_owned(), port, data_port, subdir: subdir.to_owned() })
}

/// An empty port keeps the default. The reference library ignores what follows the digits and drops bits that do not fit
/// (`5342x` is 5342 to it, `4294967297` is 1); here both are errors, because nobody means them.
fn parse_port(text: &str) -> Result<Option<u16>, UrlError> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse() {
        Ok(port) if port != 0 && text.bytes().all(|b| b.is_ascii_digit()) => Ok(Some(port)),
        _ => Err(UrlError::BadPort(text.to_owned())),
    }
}

impl RelayUrl {
    /// The address of the host. Addresses are read here; names go to `resolve`, and `localhost` is the loopback address
    /// when that fails.
    fn address(
        &self,
        resolve: &mut impl FnMut(&str, AddressFamily) -> Option<IpAddr>,
    ) -> Result<IpAddr, UrlError> {
        let bad = || UrlError::BadHost { host: self.host.clone(), family: self.family };
        let (literal, loopback) = match self.family {
            AddressFamily::Ipv4 => {
                (self.host.parse::<Ipv4Addr>().ok().map(IpAddr::V4), IpAddr::V4(Ipv4Addr::LOCALHOST))
            }
            AddressFamily::Ipv6 => {
                (self.host.parse::<Ipv6Addr>().ok().map(IpAddr::V6), IpAddr::V6(Ipv6Addr::LOCALHOST))
            }
        };
        if let Some(address) = literal {
            return Ok(address);
        }
        match resolve(&self.host, self.family) {
            Some(address) if address.is_ipv4() == (self.family == AddressFamily::Ipv4) => Ok(address),
            Some(_) => Err(bad()),
            None if self.host == "localhost" => Ok(loopback),
            None => Err(bad()),
        }
    }
}

impl TraceUrl {
    /// The URIs that it stands for: one for a folder or a `tcp` URL (control), two for a `net` URL (control, data).
    ///
    /// # Errors
    /// When the host has no address.
    pub fn uris(
        &self,
        mut resolve: impl FnMut(&str, AddressFamily) -> Option<IpAddr>,
    ) -> Result<Vec<Uri>, UrlError> {
        match self {
            TraceUrl::Local(path) => Ok(vec![Uri::local(path.clone())]),
            TraceUrl::Relay(url) => {
                let address = url.address(&mut resolve)?;
                let port = url.port.unwrap_or(CONTROL_PORT);
                let mut uris = vec![Uri::network(address, StreamKind::Control, port, url.subdir.clone())];
                if url.both {
                    // The folder is the control connection's alone.
                    uris.push(Uri::network(
                        address,
                        StreamKind::Data,
                        url.data_port.unwrap_or(DATA_PORT),
                        "",
                    ));
                }
                Ok(uris)
            }
        }
    }
}

/// The URIs of a control URL and a data URL that belong together.
///
/// # Errors
/// When one is malformed, or they do not fit each other.
pub fn uris_of_pair(
    control: &str,
    data: &str,
    mut resolve: impl FnMut(&str, AddressFamily) -> Option<IpAddr>,
) -> Result<Vec<Uri>, UrlError> {
    let control_url: TraceUrl = control.parse()?;
    let control_relay = match &control_url {
        TraceUrl::Local(_) => return Err(UrlError::DataBesideFile),
        TraceUrl::Relay(relay) if relay.both => {
            return if control == data { control_url.uris(resolve) } else { Err(UrlError::ControlIsNet) };
        }
        TraceUrl::Relay(relay) => relay,
    };
    let data_relay = match data.parse()? {
        TraceUrl::Local(_) => return Err(UrlError::Mismatch),
        TraceUrl::Relay(relay) if relay.both => return Err(UrlError::DataIsNet),
        TraceUrl::Relay(relay) => relay,
    };
    let address = control_relay.address(&mut resolve)?;
    if address != data_relay.address(&mut resolve)? {
        return Err(UrlError::Mismatch);
    }
    Ok(vec![
        Uri::network(
            address,
            StreamKind::Control,
            control_relay.port.unwrap_or(CONTROL_PORT),
            &*control_relay.subdir,
        ),
        Uri::network(address, StreamKind::Data, data_relay.port.unwrap_or(DATA_PORT), &*data_relay.subdir),
    ])
}

/// The URL text of a path, as snapshot outputs carry it.
pub fn file_url(path: &std::path::Path) -> String {
    format!("file://{}", crate::text::from_path(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody(_: &str, _: AddressFamily) -> Option<IpAddr> {
        None
    }

    /// What the URI objects hold that the 2.13.9 library sent for these URLs.
    #[test]
    fn urls_become_the_uris_that_the_real_library_sends() {
        let net = |control: &str, data: &str| vec![control.to_owned(), data.to_owned()];
        for (url, uris) in [
            ("net://127.0.0.1", net("tcp4://127.0.0.1:5342/", "tcp4://127.0.0.1:5343/")),
            ("net://127.0.0.1/", net("tcp4://127.0.0.1:5342/", "tcp4://127.0.0.1:5343/")),
            ("NET4://127.0.0.1/a/b/", net("tcp4://127.0.0.1:5342/a/b/", "tcp4://127.0.0.1:5343/")),
            ("net://127.0.0.1//a", net("tcp4://127.0.0.1:5342//a", "tcp4://127.0.0.1:5343/")),
            ("net://127.0.0.1::7000/x", net("tcp4://127.0.0.1:5342/x", "tcp4://127.0.0.1:7000/")),
            ("net://127.0.0.1:/s", net("tcp4://127.0.0.1:5342/s", "tcp4://127.0.0.1:5343/")),
            ("net://127.0.0.1/a:b:c", net("tcp4://127.0.0.1:5342/a:b:c", "tcp4://127.0.0.1:5343/")),
            ("net6://[::1]:1:2/s", net("tcp6://[::1]:1/s", "tcp6://[::1]:2/")),
            ("net6://localhost/q", net("tcp6://[::1]:5342/q", "tcp6://[::1]:5343/")),
            ("file:///tmp/x", vec!["file:///tmp/x/".to_owned()]),
            ("/tmp/../x", vec!["file:///tmp/../x/".to_owned()]),
            ("tcp://127.0.0.1:9/s", vec!["tcp4://127.0.0.1:9/s".to_owned()]),
        ] {
            let found = url.parse::<TraceUrl>().unwrap().uris(nobody).unwrap();
            assert_eq!(found.iter().map(Uri::to_string).collect::<Vec<_>>(), uris, "{url}");
        }
    }

    /// The texts that the 2.13.9 library writes for these URLs.
    #[test]
    fn wrong_urls_are_refused_with_the_words_of_the_real_library() {
        for (url, text) in [
            ("net://127.0.0.1:70000", "Invalid port number 70000"),
            ("net://127.0.0.1:0", "Invalid port number 0"),
            ("net://127.0.0.1:-1", "Invalid port number -1"),
            ("net://127.0.0.1:1:2:3", "Trailing characters not recognized: :3"),
            ("tcp://127.0.0.1:1:2", "Trailing characters not recognized: :2"),
            ("net://127.0.0.1:1:2:", "Trailing characters not recognized: :"),
            ("net://", "No address or hostname detected."),
            ("net:///x", "No address or hostname detected."),
            ("net6://::1", "No address or hostname detected."),
            ("net6://[::1", "Broken IPv6 address ::1"),
            ("net6://[]", "Broken IPv6 address ]"),
            ("net6://[::1]x", "Unknown symbol after IPv6 address: x"),
            ("file://tmp", "Missing destination full path."),
            ("tmp", "URI parse unknown protocol tmp"),
            ("net:/127.0.0.1", "URI parse unknown protocol net:/127.0.0.1"),
            ("net://[::1]", "URI parse bad hostname ::1 for af 2"),
            ("net6://[127.0.0.1]", "URI parse bad hostname 127.0.0.1 for af 10"),
            ("net://nosuchhost.invalid", "URI parse bad hostname nosuchhost.invalid for af 2"),
        ] {
            let error = url.parse::<TraceUrl>().and_then(|url| url.uris(nobody)).unwrap_err();
            assert_eq!(error.to_string(), text, "{url}");
        }
        for url in ["net://127.0.0.1:5342x", "net://127.0.0.1:+5", "net://127.0.0.1:4294967297"] {
            assert!(matches!(url.parse::<TraceUrl>(), Err(UrlError::BadPort(_))), "{url}");
        }
    }

    #[test]
    fn a_control_and_a_data_url_must_fit_each_other() {
        let uris = uris_of_pair("tcp://127.0.0.1:1/s", "tcp://127.0.0.1:2/t", nobody).unwrap();
        assert_eq!(uris[0].to_string(), "tcp4://127.0.0.1:1/s");
        assert_eq!(
            (uris[1].to_string().as_str(), uris[1].stream),
            ("tcp4://127.0.0.1:2/t", StreamKind::Data)
        );
        assert_eq!(uris_of_pair("net://127.0.0.1", "net://127.0.0.1", nobody).unwrap().len(), 2);
        for (control, data, error) in [
            ("tcp://127.0.0.1", "tcp://127.0.0.2", UrlError::Mismatch),
            ("net://127.0.0.1", "tcp://127.0.0.1", UrlError::ControlIsNet),
            ("tcp://127.0.0.1", "net://127.0.0.1", UrlError::DataIsNet),
            ("file:///x", "tcp://127.0.0.1", UrlError::DataBesideFile),
            ("file:///x", "file:///x", UrlError::DataBesideFile),
            ("tcp://127.0.0.1", "file:///x", UrlError::Mismatch),
        ] {
            assert_eq!(uris_of_pair(control, data, nobody), Err(error), "{control} {data}");
        }
    }
}
