//! Files over QUIC, with [quinn](https://docs.rs/quinn), which says with `tracing` what happens to each connection, packet
//! and frame.
//!
//! ```console
//! $ cargo build --example quic_files
//! $ rttng record -o server --context vtid -- target/debug/examples/quic_files serve 4433 /usr/share/dict &
//! $ rttng record -o client --context vtid -- target/debug/examples/quic_files fetch 4433 words /tmp/words
//! ```
//!
//! The server ends when it is asked for the file `.stop`.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use quinn::rustls::RootCertStore;
use quinn::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use quinn::{ClientConfig, Connection, Endpoint, ServerConfig, VarInt};
use tracing::{Instrument as _, info, info_span, instrument};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The longest name of a file, and the longest file.
const LONGEST: (usize, usize) = (4096, 1 << 30);
const CERTIFICATE: &[u8] = include_bytes!("keys/cert.der");
const KEY: &[u8] = include_bytes!("keys/key.der");

#[tokio::main]
async fn main() -> Result<()> {
    rttng_ust_tracing::init()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", port, folder] => serve(port.parse()?, Path::new(folder)).await,
        ["fetch", port, name, to] => fetch(port.parse()?, name, Path::new(to)).await,
        _ => Err("quic_files serve PORT FOLDER | quic_files fetch PORT NAME TO".into()),
    }
}

async fn serve(port: u16, folder: &Path) -> Result<()> {
    let key = PrivatePkcs8KeyDer::from(KEY.to_vec());
    let config = ServerConfig::with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key.into())?;
    let endpoint = Endpoint::server(config, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    println!("listening");
    while let Some(incoming) = endpoint.accept().await {
        let connection = incoming.await?;
        let span = info_span!("connection", remote = %connection.remote_address());
        if !answer(&connection, folder).instrument(span).await? {
            break;
        }
    }
    endpoint.close(VarInt::from_u32(0), b"stopped");
    endpoint.wait_idle().await;
    Ok(())
}

/// Answers requests of a connection until its end; `false` once there was one to stop.
async fn answer(connection: &Connection, folder: &Path) -> Result<bool> {
    // The other side ends it when it has what it wants.
    while let Ok((mut to, mut from)) = connection.accept_bi().await {
        let name = String::from_utf8(from.read_to_end(LONGEST.0).await?)?;
        if name == ".stop" {
            return Ok(false);
        }
        let span = info_span!("file", name, bytes = tracing::field::Empty);
        let contents = span.in_scope(|| std::fs::read(folder.join(name.replace('/', "_"))))?;
        span.record("bytes", contents.len());
        async {
            to.write_all(&contents).await?;
            to.finish()?;
            info!(bytes = contents.len(), "file sent");
            Result::Ok(())
        }
        .instrument(span)
        .await?;
    }
    Ok(true)
}

#[instrument(skip(to))]
async fn fetch(port: u16, name: &str, to: &Path) -> Result<()> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(CERTIFICATE))?;
    let mut endpoint = Endpoint::client(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    endpoint.set_default_client_config(ClientConfig::with_root_certificates(Arc::new(roots))?);
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let connection = endpoint.connect(server, "localhost")?.await?;
    let (mut request, mut response) = connection.open_bi().await?;
    request.write_all(name.as_bytes()).await?;
    request.finish()?;
    if name != ".stop" {
        let contents = response.read_to_end(LONGEST.1).await?;
        info!(bytes = contents.len(), rtt = ?connection.rtt(), "file received");
        std::fs::write(to, contents)?;
        connection.close(VarInt::from_u32(0), b"done");
    } else {
        connection.closed().await;
    }
    endpoint.wait_idle().await;
    Ok(())
}
